// Every op on operands of 1 MiB, forward (recorded) and backward, in f32, f64, bf16 and f16, against PyTorch where there is one. Both
// sides have the same operands, sums over results and gradients are compared (a fast wrong answer voids the row), and their runs
// alternate. Views are left out, as no kernel runs; tests/structure/op_table.py sees to it that no other op is.
//
// Usage: bench_ops [--only NAME] [--dtype f32|f64|bf16|f16] [--part K/N] [--rounds N] [--threads N] [--python PROGRAM] [--peers DIRECTORY]
//                  [--json FILE]
// NAME is a case's, or an op's for all of its cases; K/N is the K-th of N parts of the table (from 1). With --python none, or where
// python3 has no PyTorch, only Tasuki's time is printed; a PROGRAM that was named must have it.
#include <cmath>
#include <memory>
#include <thread>

#include "benchmarks/ops/cases.hpp"
#include "benchmarks/support/peer.hpp"
#include "benchmarks/support/report.hpp"
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/creation.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;
using ts::Shape;
using ts::Tensor;

namespace {

constexpr std::int64_t bytes = 1 << 20;
constexpr double slow = 1.5;  // ratios above it are marked

std::vector<Case> all_cases(const Sizes& sizes) {
  std::vector<Case> all;
  for (const auto list : {elementwise_cases, reduction_cases, loss_cases, layer_cases, spatial_cases, rearranging_cases})
    for (Case& c : list(sizes)) all.push_back(std::move(c));
  return all;
}

/// The identity and a symmetric matrix with eigenvalues near zero.
Tensor well_conditioned(const Tensor& values) {
  const std::int64_t n = values.size(-1);
  const Tensor small = (values + values.transpose(-1, -2)) * (0.5 / static_cast<double>(n));
  return small + ts::one_hot(ts::arange(n), n).to(ts::f64);
}

Tensor make(const Operand& o, const Shape& shape, int number, ts::DType dtype) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  const bool is_index = o.kind == Kind::index;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double turns = 0.6180339887498949 * static_cast<double>(i) + 0.37 * number;
    values[i] = o.lo + (o.hi - o.lo) * (turns - std::floor(turns));
    if (is_index) values[i] = std::floor(values[i]);
  }
  Tensor t = ts::from(values, shape);
  if (o.kind == Kind::matrix) t = well_conditioned(t);
  t = t.to(is_index ? ts::i64 : dtype);
  return is_index ? t : t.requires_grad_();
}

/// A case with its operands, its result and a gradient to start from.
class Runner {
 public:
  Runner(const Case& c, std::int64_t rows, ts::DType dtype) : case_(c) {
    for (std::size_t i = 0; i < c.operands.size(); ++i) {
      const Operand& o = c.operands[i];
      inputs_.push_back(make(o, o.shape.ndim() ? o.shape : Shape{rows, Sizes::columns}, static_cast<int>(i), dtype));
    }
    result_ = c.call(inputs_);
    if (c.traits & no_backward) return;
    for (const Tensor& x : inputs_)
      if (x.requires_grad()) wanted_.push_back(x);
    gradient_ = make({}, result_.shape(), 9, result_.dtype()).detach();
  }
  void forward() const { case_.call(inputs_); }
  std::vector<Tensor> backward() const { return ts::grad({result_}, wanted_, {.retain_graph = true, .allow_unused = true, .grad_outputs = {gradient_}}); }
  /// Sums of absolute values: of the result, then of each gradient.
  std::vector<double> sums() const {
    const auto sum = [](const Tensor& t) { return t.detach().to(ts::f64).abs().sum().item<double>(); };
    std::vector<double> list{sum(result_)};
    if (!(case_.traits & no_backward))
      for (const Tensor& g : backward())
        if (g.defined()) list.push_back(sum(g));
    return list;
  }

 private:
  const Case& case_;
  Inputs inputs_, wanted_;
  Tensor result_, gradient_;
};

template <class F>
double seconds_per_call(F f, int calls) {
  const double begin = now();
  for (int i = 0; i < calls; ++i) f();
  return (now() - begin) / calls;
}

/// Threads that spin for more work sleep after a few milliseconds; until then the other side would not have the machine alone.
void settle() {
  if (ts::num_threads() == 1) return;
  std::this_thread::sleep_for(std::chrono::milliseconds(15));
}

bool agree(const Case& c, const std::vector<double>& ours, const std::vector<double>& theirs, bool half) {
  // PyTorch sums gradients of weights in the halves
  const double tolerance = !half ? 1e-4 : c.traits & peer_rounds_halves ? 0.3 : 0.1;
  bool same = ours.size() == theirs.size();
  for (std::size_t i = 0; i < ours.size() && same; ++i) same = ours[i] == theirs[i] || std::fabs(ours[i] - theirs[i]) <= tolerance * (std::fabs(theirs[i]) + 1e-6);
  for (std::size_t i = 0; i < ours.size() && i < theirs.size() && !same; ++i)
    std::printf("sum %zu of %s: %.9g, PyTorch has %.9g\n", i, c.name.c_str(), ours[i], theirs[i]);
  return same;
}

/// Times one phase of a case, prints its row, and returns the ratio to the peer (0 without one).
template <class F>
double measure(const std::string& row, const std::string& phase, F run, Peer* peer, int rounds, bool same, Report& report) {
  run();
  const double once = seconds_per_call(run, 3);
  const int calls = std::max(1, static_cast<int>(2e-3 / once));
  std::vector<double> ours, theirs;
  for (int round = 0; round < rounds; ++round) {
    settle();
    run();  // as the peer does: the other side has had the caches
    ours.push_back(seconds_per_call(run, calls));
    if (!peer) continue;
    settle();
    const auto answer = numbers(peer->ask("time " + phase + " " + std::to_string(calls)));
    theirs.push_back(answer.empty() ? NAN : answer[0]);
  }
  const Sample mine = summarize(ours);
  std::printf("%-30s %-8s %8.1f (%6.1f-%6.1f)", row.c_str(), phase.c_str(), mine.median * 1e6, mine.low * 1e6, mine.high * 1e6);
  report.begin_row();
  report.add("op", row);
  report.add("phase", phase);
  report.add("tasuki_us", mine.median * 1e6);
  double ratio = 0;
  if (peer) {
    const Sample other = summarize(theirs);
    ratio = mine.median / other.median;
    std::printf("  %8.1f (%6.1f-%6.1f)  %5.2f%s%s", other.median * 1e6, other.low * 1e6, other.high * 1e6, ratio, ratio > slow ? " !" : "",
                same ? "" : "  THE RESULTS DIFFER");
    report.add("torch_us", other.median * 1e6);
    report.add("ratio", ratio);
    report.add("same", same);
  }
  std::printf("\n");
  std::fflush(stdout);
  return ratio;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = std::atoi(option(argc, argv, "threads", "2").c_str()), rounds = std::atoi(option(argc, argv, "rounds", "7").c_str());
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), 1);  // the peer reads it
  ts::set_num_threads(threads);
  int part = 1, parts = 1;
  const std::string part_text = option(argc, argv, "part", "1/1");
  if (std::sscanf(part_text.c_str(), "%d/%d", &part, &parts) != 2 || part < 1 || part > parts) {
    std::fprintf(stderr, "expected  --part K/N, K from 1 to N\nactual    %s\n", part_text.c_str());
    return 2;
  }
  const std::string only = option(argc, argv, "only", ""), only_dtype = option(argc, argv, "dtype", "");
  std::string version, left_out;
  // PyTorch at its best: its allocator keeps pages rather than returning them to the system at each call
  const auto peer = start_peer(peer_program(argc, argv, "torch_ops.py"),
                               {"MALLOC_MMAP_THRESHOLD_=4294967296", "MALLOC_TRIM_THRESHOLD_=8589934592", "MALLOC_TOP_PAD_=268435456"}, version, left_out);
  if (peer) std::printf("against PyTorch %s\n", version.c_str());
  std::printf("microseconds per call on 1 MiB, %d threads, median (quartiles) of %d; ! marks more than %.1f of PyTorch's time\n", threads, rounds, slow);

  Report report("ops");
  bool all_same = true;
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16}) {
    if (!only_dtype.empty() && only_dtype != name_of(dtype)) continue;
    const std::int64_t rows = bytes / Sizes::columns / static_cast<std::int64_t>(size_of(dtype));
    double logarithms = 0;
    int count = 0, number = 0;
    const bool half = dtype == ts::bf16 || dtype == ts::f16;
    for (const Case& c : all_cases({rows})) {
      if (!only.empty() && only != c.name && only != c.name.substr(0, c.name.find(' '))) continue;
      if ((half && c.traits & wide_only) || (dtype != ts::f32 && c.traits & of_integers)) continue;
      if (number++ % parts != part - 1) continue;
      const Runner runner(c, rows, dtype);
      bool same = true;
      Peer* other = peer.get();
      if (other) {
        const std::string answer = other->ask(std::string("load ") + name_of(dtype) + " " + std::to_string(rows) + " " + c.name);
        if (answer.rfind("absent", 0) == 0) {
          std::printf("%s, %s: PyTorch has none: %.100s\n", c.name.c_str(), name_of(dtype), answer.substr(6).c_str());
          other = nullptr;
        } else {
          same = c.traits & is_random || agree(c, runner.sums(), numbers(answer), half);
          all_same = all_same && same;
        }
      }
      const std::string row = c.name + ", " + name_of(dtype);
      const double forward = measure(row, "forward", [&] { runner.forward(); }, other, rounds, same, report);
      const double backward = !(c.traits & no_backward) ? measure(row, "backward", [&] { runner.backward(); }, other, rounds, same, report) : 0;
      for (const double ratio : {forward, backward})
        if (ratio > 0) logarithms += std::log(ratio), ++count;
    }
    if (count) std::printf("%s: geometric mean of the ratios %.2f\n\n", name_of(dtype), std::exp(logarithms / count));
  }
  if (!left_out.empty()) std::printf("Only Tasuki's times: PyTorch is left out: %s\n", left_out.c_str());
  const std::string json = option(argc, argv, "json", "");
  return (json.empty() || report.save(json)) && all_same ? 0 : 1;
}
