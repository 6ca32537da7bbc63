// Checks the cases that generate.py wrote: every value and every gradient, against PyTorch in double precision.
//
//   check_numerics DIRECTORY [op ...]
//
// The error of an entry is |actual - expected| / (|expected| + mean |expected|); integers and bools must be equal. At most 1e-5 in
// f32, 1e-10 in f64, 1e-2 in bf16 and 2.5e-3 in f16 (three to five units in the last place: sums of overlapping windows
// and composed ops round in between). Ill-posed cases (a variance of two equal numbers) lose digits in any program of that
// precision: where PyTorch's own result is as far off, to a factor of four, the entry counts as "ill-posed" and not as a miss.
// Operands of case k are laid out row-major, with dimensions in reverse order, with gaps, or channels-last. Prints the worst of each
// op; the exit status is the number of ops that miss or that nothing here calls.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/io/safetensors.hpp"
#include "tasuki/ops/cat.hpp"
#include "tests/numerics/ops.hpp"

namespace ts = tasuki;
using ts::Tensor;

namespace {

struct Precision {
  const char* name;
  double limit;
};
constexpr Precision precisions[]{{"f32", 1e-5}, {"f64", 1e-10}, {"bf16", 1e-2}, {"f16", 2.5e-3}};

/// The worst entry of a comparison, and where it was.
struct Worst {
  double error = 0;
  int ill_posed = 0;  // entries beyond the limit where PyTorch is no better
  std::string place;
  void see(double e, const std::string& where) {
    if (!(e <= error)) {  // a NaN is worst
      error = std::isnan(e) ? INFINITY : e;
      place = where;
    }
  }
};

/// `own`: what PyTorch computes in this precision, or undefined.
void compare(const Tensor& actual, const Tensor& expected, const Tensor& own, double limit, const std::string& where, Worst& worst) {
  if (actual.shape() != expected.shape()) {
    worst.see(INFINITY, where + ": shape " + actual.shape().to_string() + " instead of " + expected.shape().to_string());
    return;
  }
  const auto values = [](const Tensor& t) { return t.to(ts::f64).to_vector<double>(); };
  const std::vector<double> a = values(actual), e = values(expected), s = own.defined() ? values(own) : e;
  double scale = 0, noise = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    scale += std::fabs(e[i]) / static_cast<double>(e.size());
    noise = std::max(noise, std::fabs(s[i] - e[i]));
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == e[i]) continue;
    const double error = ts::is_floating(actual.dtype()) ? std::fabs(a[i] - e[i]) / (std::fabs(e[i]) + scale) : INFINITY;
    if (error > limit && std::fabs(a[i] - e[i]) <= 4 * noise) ++worst.ill_posed;
    else worst.see(error, where + " [" + std::to_string(i) + "]: " + std::to_string(a[i]) + " instead of " + std::to_string(e[i]));
  }
}

/// Operands "k.in.0", "k.in.1", ...; undefined past the last.
Tensor numbered(const ts::safetensors::File& file, const std::string& prefix, std::size_t i) {
  const std::string name = prefix + std::to_string(i);
  return file.contains(name) ? file.tensor(name) : Tensor();
}

/// The elements of x in one of several orders in memory.
Tensor laid_out(const Tensor& x, int layout) {
  switch (layout % 4) {
    case 1: {
      ts::Dims reverse;
      for (int d = x.ndim(); d-- > 0;) reverse.push_back(d);
      return x.permute(reverse).clone().contiguous().permute(reverse);
    }
    case 2: return ts::stack({x, x}, x.ndim()).select(-1, 0);
    case 3:
      if (x.ndim() >= 3 && x.ndim() <= 5) return x.contiguous(ts::MemoryFormat::channels_last).clone();
      [[fallthrough]];
    default: return x.clone();
  }
}

struct Result {
  int cases = 0, gradients = 0;
  Worst value, gradient;
};

void check_case(const ts::safetensors::File& file, int number, double limit, ts::numerics::Call call, Result& result) {
  const std::string k = std::to_string(number);
  std::vector<Tensor> in, expected_gradients;
  for (std::size_t i = 0;; ++i) {
    const Tensor x = numbered(file, k + ".in.", i);
    if (!x.defined()) break;
    expected_gradients.push_back(numbered(file, k + ".grad.", i));
    in.push_back(laid_out(x, number));
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
    compare(outputs[j].detach(), expected, numbered(file, k + ".own.out.", j), limit, "case " + k + " output " + std::to_string(j), result.value);
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
    if (in[i].grad().defined()) compare(in[i].grad(), expected_gradients[i], numbered(file, k + ".own.grad.", i), limit, where, result.gradient);
    else result.gradient.see(INFINITY, where + " is missing");
  }
}

Result check_file(const std::string& path, double limit, ts::numerics::Call call) {
  Result result;
  const ts::safetensors::File file(path);
  for (int k = 0; file.contains(std::to_string(k) + ".attr"); ++k) {
    ++result.cases;
    try {
      check_case(file, k, limit, call, result);
    } catch (const ts::Error& e) {
      result.value.see(INFINITY, "case " + std::to_string(k) + ": " + e.what());
    }
  }
  return result;
}

struct Total {
  int ops = 0, missed = 0, cases = 0, gradients = 0;
};

/// Prints the op's row, and what missed.
void check_op(const std::string& folder, const std::string& op, ts::numerics::Call call, Total& total) {
  std::printf("%-28s", op.c_str());
  std::string misses;
  int cases = 0, gradients = 0, ill_posed = 0;
  for (const Precision& p : precisions) {
    const std::string path = folder + "/" + op + "." + p.name + ".safetensors";
    const Result r = std::filesystem::exists(path) ? check_file(path, p.limit, call) : Result{};
    std::printf("  %8.1e %8.1e", r.value.error, r.gradient.error);
    if (r.cases == 0) misses += "    no cases in " + path + "\n";
    for (const Worst* worst : {&r.value, &r.gradient})
      if (!(worst->error <= p.limit)) misses += std::string("    ") + p.name + " misses: " + worst->place + "\n";
    cases += r.cases;
    gradients += r.gradients;
    ill_posed += r.value.ill_posed + r.gradient.ill_posed;
  }
  std::printf("  %6d %9d %9d\n%s", cases, gradients, ill_posed, misses.c_str());
  ++total.ops;
  total.missed += !misses.empty();
  total.cases += cases;
  total.gradients += gradients;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: check_numerics DIRECTORY [op ...]\nwhere DIRECTORY was filled by generate.py\n");
    return 2;
  }
  const std::string folder = argv[1];
  const std::vector<std::string> chosen(argv + 2, argv + argc);
  std::printf("%-28s", "op: worst value, gradient in");
  for (const Precision& p : precisions) std::printf("  %17s", p.name);
  std::printf("  %6s %9s %9s\n", "cases", "gradients", "ill-posed");
  Total total;
  for (const auto& [op, call] : ts::numerics::calls())
    if (chosen.empty() || std::find(chosen.begin(), chosen.end(), op) != chosen.end()) check_op(folder, op, call, total);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string(), op = file.substr(0, file.find('.'));
    if (file != op + ".f32.safetensors" || ts::numerics::calls().count(op)) continue;
    std::printf("%s: nothing here calls the op of %s\n", op.c_str(), file.c_str());
    ++total.missed;
  }
  std::printf("%d ops, %d cases, %d gradients: ", total.ops, total.cases, total.gradients);
  if (total.missed) std::printf("%d OPS MISS\n", total.missed);
  else std::printf("all within 1e-5 (f32), 1e-10 (f64), 1e-2 (bf16) and 2.5e-3 (f16)\n");
  return total.missed;
}
