// Checks the cases that generate.py wrote: every value and every gradient, against PyTorch in double precision.
//
//   check_numerics DIRECTORY [op ...]
//
// The error of an entry is |actual - expected| / (|expected| + mean |expected|); integers and bools must be equal. At most 1e-5 in
// f32 and 1e-10 in f64. Ill-posed cases (a variance of two equal numbers) lose digits in any f32 program: where PyTorch's own f32
// result is as far off, to a factor of four, the entry counts as "ill-posed" and not as a miss. Prints the worst of each op; the
// exit status is the number of ops that miss.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/io/safetensors.hpp"
#include "tests/numerics/ops.hpp"

namespace ts = tasuki;
using ts::Tensor;

namespace {

constexpr double single_limit = 1e-5, double_limit = 1e-10;

/// The worst entry of a comparison, and where it was.
struct Worst {
  double error = 0;
  int ill_posed = 0;  // entries beyond the limit where PyTorch's f32 is no better
  std::string place;
  void see(double e, const std::string& where) {
    if (!(e <= error)) {  // a NaN is worst
      error = std::isnan(e) ? INFINITY : e;
      place = where;
    }
  }
};

/// `single`: what PyTorch computes in f32, or undefined.
void compare(const Tensor& actual, const Tensor& expected, const Tensor& single, const std::string& where, Worst& worst) {
  if (actual.shape() != expected.shape()) {
    worst.see(INFINITY, where + ": shape " + actual.shape().to_string() + " instead of " + expected.shape().to_string());
    return;
  }
  const auto values = [](const Tensor& t) { return t.to(ts::f64).to_vector<double>(); };
  const std::vector<double> a = values(actual), e = values(expected), s = single.defined() ? values(single) : e;
  double scale = 0, noise = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    scale += std::fabs(e[i]) / static_cast<double>(e.size());
    noise = std::max(noise, std::fabs(s[i] - e[i]));
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == e[i]) continue;
    const double error = ts::is_floating(actual.dtype()) ? std::fabs(a[i] - e[i]) / (std::fabs(e[i]) + scale) : INFINITY;
    if (error > single_limit && std::fabs(a[i] - e[i]) <= 4 * noise) ++worst.ill_posed;
    else worst.see(error, where + " [" + std::to_string(i) + "]: " + std::to_string(a[i]) + " instead of " + std::to_string(e[i]));
  }
}

/// Operands "k.in.0", "k.in.1", ...; undefined past the last.
Tensor numbered(const ts::safetensors::File& file, const std::string& prefix, std::size_t i) {
  const std::string name = prefix + std::to_string(i);
  return file.contains(name) ? file.tensor(name) : Tensor();
}

struct Result {
  int cases = 0, gradients = 0;
  Worst value, gradient;
};

void check_case(const ts::safetensors::File& file, const std::string& k, ts::numerics::Call call, Result& result) {
  std::vector<Tensor> in, expected_gradients;
  for (std::size_t i = 0;; ++i) {
    const Tensor x = numbered(file, k + ".in.", i);
    if (!x.defined()) break;
    expected_gradients.push_back(numbered(file, k + ".grad.", i));
    in.push_back(x.clone());
    if (expected_gradients.back().defined()) in.back().requires_grad_();
  }
  const auto outputs = call(in, file.tensor(k + ".attr").to_vector<double>());
  std::vector<Tensor> roots, seeds;
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    const Tensor expected = numbered(file, k + ".out.", j);
    if (!expected.defined()) {
      result.value.see(INFINITY, "case " + k + ": more outputs than PyTorch has");
      return;
    }
    compare(outputs[j].detach(), expected, numbered(file, k + ".single.out.", j), "case " + k + " output " + std::to_string(j), result.value);
    if (const Tensor seed = numbered(file, k + ".seed.", j); seed.defined()) {
      roots.push_back(outputs[j]);
      seeds.push_back(seed);
    }
  }
  if (!roots.empty()) ts::backward(roots, seeds);
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!expected_gradients[i].defined()) continue;
    const std::string where = "case " + k + " gradient " + std::to_string(i);
    ++result.gradients;
    if (in[i].grad().defined()) compare(in[i].grad(), expected_gradients[i], numbered(file, k + ".single.grad.", i), where, result.gradient);
    else result.gradient.see(INFINITY, where + " is missing");
  }
}

Result check_file(const std::string& path, ts::numerics::Call call) {
  Result result;
  const ts::safetensors::File file(path);
  for (int k = 0; file.contains(std::to_string(k) + ".attr"); ++k) {
    ++result.cases;
    try {
      check_case(file, std::to_string(k), call, result);
    } catch (const ts::Error& e) {
      result.value.see(INFINITY, "case " + std::to_string(k) + ": " + e.what());
    }
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: check_numerics DIRECTORY [op ...]\nwhere DIRECTORY was filled by generate.py\n");
    return 2;
  }
  const std::vector<std::string> chosen(argv + 2, argv + argc);
  int missed = 0, ops = 0, cases = 0, gradients = 0;
  std::printf("%-22s %6s %10s   %12s %12s   %12s %12s  %9s\n", "op", "cases", "gradients", "f32 values", "gradients", "f64 values", "gradients", "ill-posed");
  for (const auto& [op, call] : ts::numerics::calls()) {
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), op) == chosen.end()) continue;
    const std::string base = std::string(argv[1]) + "/" + op;
    if (!std::filesystem::exists(base + ".f32.safetensors")) {
      std::printf("%-22s has no cases in %s\n", op.c_str(), argv[1]);
      ++missed;
      continue;
    }
    const Result single = check_file(base + ".f32.safetensors", call), wide = check_file(base + ".f64.safetensors", call);
    std::printf("%-22s %6d %10d   %12.2e %12.2e   %12.2e %12.2e  %9d\n", op.c_str(), single.cases + wide.cases, single.gradients + wide.gradients,
                single.value.error, single.gradient.error, wide.value.error, wide.gradient.error,
                single.value.ill_posed + single.gradient.ill_posed);
    bool good = single.cases > 0;
    const auto judge = [&](const Worst& w, double limit, const char* what) {
      if (w.error <= limit) return;
      good = false;
      std::printf("    %s miss %.0e: %s\n", what, limit, w.place.c_str());
    };
    judge(single.value, single_limit, "f32 values");
    judge(single.gradient, single_limit, "f32 gradients");
    judge(wide.value, double_limit, "f64 values");
    judge(wide.gradient, double_limit, "f64 gradients");
    missed += !good;
    ++ops;
    cases += single.cases + wide.cases;
    gradients += single.gradients + wide.gradients;
  }
  std::printf("%d ops, %d cases, %d gradients: %s\n", ops, cases, gradients, missed ? "SOME MISS" : "all within 1e-5 (f32) and 1e-10 (f64)");
  return missed;
}
