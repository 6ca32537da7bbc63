// Single ops on tensors of 1 MiB, forward (recorded) and backward, in f32, bf16 and f16, against PyTorch where there is one. Both
// sides have the same operands, sums over results and gradients are compared (a fast wrong answer voids the row), and their runs
// alternate.
//
// Usage: bench_ops [--only NAME] [--dtype f32|bf16|f16] [--rounds N] [--threads N] [--python PROGRAM] [--peers DIRECTORY] [--json FILE]
// Without PyTorch, or with --python none, only Tasuki's time is printed.
#include <cmath>
#include <functional>
#include <memory>
#include <thread>

#include "benchmarks/support/peer.hpp"
#include "benchmarks/support/report.hpp"
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/addcmul.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/batch_norm.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/dropout.hpp"
#include "tasuki/ops/embedding.hpp"
#include "tasuki/ops/fold.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/grid_sample.hpp"
#include "tasuki/ops/histogram.hpp"
#include "tasuki/ops/index_select.hpp"
#include "tasuki/ops/layer_norm.hpp"
#include "tasuki/ops/margin_loss.hpp"
#include "tasuki/ops/mse_loss.hpp"
#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/pointwise_loss.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/ops/pool_indices.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/recurrent.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/scan.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/ops/sort.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/creation.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;
using ts::Shape;
using ts::Tensor;
using Inputs = std::vector<Tensor>;

namespace {

constexpr std::int64_t bytes = 1 << 20, columns = 512;
constexpr double slow = 1.5;  // ratios above it are marked

/// An operand of `elements` elements (or `shape`), whose values lo + (hi - lo) * frac(0.618... i + 0.37 k) both sides can compute.
struct Operand {
  double lo = -2, hi = 2;
  Shape shape{};          // empty: [elements / 512, 512]
  bool is_index = false;  // whole numbers in [lo, hi), i64
};

struct Case {
  const char* name;  // as the peer knows it
  std::vector<Operand> operands;
  std::function<Tensor(const Inputs&)> call;
  bool is_random = false, has_backward = true;
  bool peer_rounds_halves = false;  // PyTorch rounds at each step what is carried in f32 here
};

Operand indices(double below, Shape shape = {}) { return {0, below, std::move(shape), true}; }

/// x, the weights of the input and of the state, and the first state of a layer of 128 features, 16 samples at a time.
std::vector<Operand> recurrent(std::int64_t rows, std::int64_t gates) {
  return {{-1, 1, {rows / 16, 16, 128}}, {-0.1, 0.1, {gates * 128, 128}}, {-0.1, 0.1, {gates * 128, 128}}, {-1, 1, {16, 128}}};
}

std::vector<Case> cases(std::int64_t rows) {
  const Operand any{}, positive{0.3, 4};
  const Shape images{rows * columns / (32 * 32 * 32), 32, 32, 32};
  return {
      {"exp", {any}, [](const Inputs& in) { return ts::exp(in[0]); }},
      {"log", {positive}, [](const Inputs& in) { return ts::log(in[0]); }},
      {"sqrt", {positive}, [](const Inputs& in) { return ts::sqrt(in[0]); }},
      {"rsqrt", {positive}, [](const Inputs& in) { return ts::rsqrt(in[0]); }},
      {"abs", {any}, [](const Inputs& in) { return ts::abs(in[0]); }},
      {"neg", {any}, [](const Inputs& in) { return -in[0]; }},
      {"square", {any}, [](const Inputs& in) { return ts::square(in[0]); }},
      {"reciprocal", {positive}, [](const Inputs& in) { return ts::reciprocal(in[0]); }},
      {"sin", {any}, [](const Inputs& in) { return ts::sin(in[0]); }},
      {"tanh", {any}, [](const Inputs& in) { return ts::tanh(in[0]); }},
      {"sigmoid", {any}, [](const Inputs& in) { return ts::sigmoid(in[0]); }},
      {"relu", {any}, [](const Inputs& in) { return ts::relu(in[0]); }},
      {"leaky_relu", {any}, [](const Inputs& in) { return ts::leaky_relu(in[0]); }},
      {"elu", {any}, [](const Inputs& in) { return ts::elu(in[0]); }},
      {"gelu", {any}, [](const Inputs& in) { return ts::gelu(in[0]); }},
      {"silu", {any}, [](const Inputs& in) { return ts::silu(in[0]); }},
      {"softplus", {any}, [](const Inputs& in) { return ts::softplus(in[0]); }},
      {"erf", {any}, [](const Inputs& in) { return ts::erf(in[0]); }},
      {"clamp", {any}, [](const Inputs& in) { return ts::clamp(in[0], -1, 1); }},
      {"add", {any, any}, [](const Inputs& in) { return in[0] + in[1]; }},
      {"sub", {any, any}, [](const Inputs& in) { return in[0] - in[1]; }},
      {"mul", {any, any}, [](const Inputs& in) { return in[0] * in[1]; }},
      {"div", {any, positive}, [](const Inputs& in) { return in[0] / in[1]; }},
      {"pow", {positive, any}, [](const Inputs& in) { return ts::pow(in[0], in[1]); }},
      {"maximum", {any, any}, [](const Inputs& in) { return ts::maximum(in[0], in[1]); }},
      {"add a row", {any, {-2, 2, {columns}}}, [](const Inputs& in) { return in[0] + in[1]; }},
      {"add a column", {any, {-2, 2, {rows, 1}}}, [](const Inputs& in) { return in[0] + in[1]; }},
      {"mul by a number", {any}, [](const Inputs& in) { return in[0] * 1.5; }},
      {"add transposed", {any, {-2, 2, {columns, rows}}}, [](const Inputs& in) { return in[0] + in[1].t(); }},
      {"less", {any, any}, [](const Inputs& in) { return in[0].lt(in[1]); }, false, false},
      {"where", {any, any}, [](const Inputs& in) { return ts::where(in[0].detach().gt(0), in[0], in[1]); }},
      {"sum", {positive}, [](const Inputs& in) { return in[0].sum(); }},
      {"sum of rows", {positive}, [](const Inputs& in) { return in[0].sum({1}); }},
      {"sum of columns", {positive}, [](const Inputs& in) { return in[0].sum({0}); }},
      {"mean", {positive}, [](const Inputs& in) { return in[0].mean(); }},
      {"var of rows", {any}, [](const Inputs& in) { return ts::var(in[0], {1}); }},
      {"max of rows", {any}, [](const Inputs& in) { return ts::max(in[0], 1).values; }},
      {"argmax of rows", {any}, [](const Inputs& in) { return ts::argmax(in[0], 1); }, false, false},
      {"softmax", {any}, [](const Inputs& in) { return ts::softmax(in[0], 1); }},
      {"log_softmax", {any}, [](const Inputs& in) { return ts::log_softmax(in[0], 1); }},
      {"softmax of columns", {any}, [](const Inputs& in) { return ts::softmax(in[0], 0); }},
      {"layer_norm", {any, {0, 1, {columns}}, {0, 1, {columns}}}, [](const Inputs& in) { return ts::layer_norm(in[0], {columns}, in[1], in[2]); }},
      {"batch_norm", {{-2, 2, images}, {0, 1, {32}}, {0, 1, {32}}},
       [](const Inputs& in) { return ts::batch_norm(in[0], {}, {}, in[1], in[2], {.training = true}); }},
      {"max_pool2d", {{-2, 2, images}}, [](const Inputs& in) { return ts::max_pool2d(in[0], 2); }},
      {"avg_pool2d", {{-2, 2, images}}, [](const Inputs& in) { return ts::avg_pool2d(in[0], 2); }},
      {"cross_entropy", {any, indices(columns, {rows})}, [](const Inputs& in) { return ts::cross_entropy(in[0], in[1]); }},
      {"mse_loss", {any, any}, [](const Inputs& in) { return ts::mse_loss(in[0], in[1]); }},
      {"dropout", {any}, [](const Inputs& in) { return ts::dropout(in[0], 0.1); }, true},
      {"embedding", {{-2, 2, {1000, columns}}, indices(1000, {rows})}, [](const Inputs& in) { return ts::embedding(in[1], in[0]); }},
      {"gather", {any, indices(columns)}, [](const Inputs& in) { return ts::gather(in[0], 1, in[1]); }},
      {"index_select", {any, indices(static_cast<double>(rows), {rows})}, [](const Inputs& in) { return ts::index_select(in[0], 0, in[1]); }},
      {"cat", {{-2, 2, {rows / 2, columns}}, {-2, 2, {rows / 2, columns}}}, [](const Inputs& in) { return ts::cat({in[0], in[1]}, 1); }},
      {"copy of the transposed", {any}, [](const Inputs& in) { return in[0].t().contiguous(); }},
      {"cast to f32", {any}, [](const Inputs& in) { return in[0].to(ts::f32); }},
      {"prod of rows", {{0.9, 1.1}}, [](const Inputs& in) { return ts::prod(in[0], 1); }, false, true, true},
      {"prod of columns", {{0.9, 1.1}}, [](const Inputs& in) { return ts::prod(in[0], 0); }},
      {"std of rows", {any}, [](const Inputs& in) { return ts::std(in[0], 1); }},
      {"norm", {any}, [](const Inputs& in) { return ts::norm(in[0]); }},
      {"norm of rows", {any}, [](const Inputs& in) { return ts::norm(in[0], 2, {1}); }},
      {"logsumexp of rows", {any}, [](const Inputs& in) { return ts::logsumexp(in[0], 1); }},
      {"logsumexp of columns", {any}, [](const Inputs& in) { return ts::logsumexp(in[0], 0); }},
      {"count_nonzero", {any}, [](const Inputs& in) { return ts::count_nonzero(in[0]); }, false, false},
      {"any of rows", {any}, [](const Inputs& in) { return ts::any(in[0], 1); }, false, false},
      {"cumsum of rows", {any}, [](const Inputs& in) { return ts::cumsum(in[0], 1); }},
      {"cumsum of columns", {any}, [](const Inputs& in) { return ts::cumsum(in[0], 0); }},
      {"cumprod of rows", {{0.9, 1.1}}, [](const Inputs& in) { return ts::cumprod(in[0], 1); }},
      {"sort of rows", {any}, [](const Inputs& in) { return ts::sort(in[0], 1).values; }},
      {"sort of columns", {any}, [](const Inputs& in) { return ts::sort(in[0], 0).values; }},
      {"topk of rows", {any}, [](const Inputs& in) { return ts::topk(in[0], 10, 1).values; }},
      {"median of rows", {any}, [](const Inputs& in) { return ts::median(in[0], 1).values; }},
      {"scatter_add", {any, indices(columns), any}, [](const Inputs& in) { return ts::scatter_add(in[0], 1, in[1], in[2]); }},
      {"scatter a number", {any, indices(columns)}, [](const Inputs& in) { return ts::scatter(in[0], 1, in[1], 1); }},
      {"index_add", {any, indices(static_cast<double>(rows), {rows}), any}, [](const Inputs& in) { return ts::index_add(in[0], 0, in[1], in[2]); }},
      {"nonzero", {any}, [](const Inputs& in) { return ts::nonzero(in[0].detach().gt(0)); }, false, false},
      {"masked_select", {any}, [](const Inputs& in) { return ts::masked_select(in[0], in[0].detach().gt(0)); }},
      {"flip of rows", {any}, [](const Inputs& in) { return ts::flip(in[0], 1); }},
      {"flip of columns", {any}, [](const Inputs& in) { return ts::flip(in[0], 0); }},
      {"roll", {any}, [](const Inputs& in) { return ts::roll(in[0], {7, 11}, {0, 1}); }},
      {"repeat", {{-2, 2, {rows / 4, columns}}}, [](const Inputs& in) { return ts::repeat(in[0], {2, 2}); }},
      {"tril", {any}, [](const Inputs& in) { return ts::tril(in[0]); }},
      {"pad", {{-2, 2, images}}, [](const Inputs& in) { return ts::pad(in[0], {1, 1, 1, 1}); }},
      {"pad mirrored", {{-2, 2, images}}, [](const Inputs& in) { return ts::pad(in[0], {1, 1, 1, 1}, {.mode = ts::PadMode::reflect}); }},
      {"pixel_shuffle", {{-2, 2, images}}, [](const Inputs& in) { return ts::pixel_shuffle(in[0], 2); }},
      {"l1_loss", {any, any}, [](const Inputs& in) { return ts::l1_loss(in[0], in[1]); }},
      {"huber_loss", {any, any}, [](const Inputs& in) { return ts::huber_loss(in[0], in[1]); }},
      {"binary_cross_entropy", {{0.1, 0.9}, {0.1, 0.9}}, [](const Inputs& in) { return ts::binary_cross_entropy(in[0], in[1]); }},
      {"binary_cross_entropy_with_logits", {any, {0, 1}}, [](const Inputs& in) { return ts::binary_cross_entropy_with_logits(in[0], in[1]); }},
      {"kl_div", {{-3, 0}, {0.1, 0.9}}, [](const Inputs& in) { return ts::kl_div(in[0], in[1]); }},
      {"cosine_similarity", {any, any}, [](const Inputs& in) { return ts::cosine_similarity(in[0], in[1]); }},
      {"lgamma", {positive}, [](const Inputs& in) { return ts::lgamma(in[0]); }},
      {"nan_to_num", {any}, [](const Inputs& in) { return ts::nan_to_num(in[0]); }},
      {"prelu", {{-2, 2, images}, {0, 1, {32}}}, [](const Inputs& in) { return ts::prelu(in[0], in[1]); }},
      {"addcmul", {any, any, any}, [](const Inputs& in) { return ts::addcmul(in[0], in[1], in[2], 0.5); }},
      {"addcdiv", {any, any, positive}, [](const Inputs& in) { return ts::addcdiv(in[0], in[1], in[2], 0.5); }},
      {"histc", {any}, [](const Inputs& in) { return ts::histc(in[0].detach(), 100, -2, 2); }, false, false},
      {"unfold of images", {{-2, 2, images}}, [](const Inputs& in) { return ts::unfold(in[0], 2, {.stride = 2}); }},
      {"unbind and stack", {any}, [](const Inputs& in) { return ts::stack(ts::unbind(in[0]), 1); }},
      {"adaptive_max_pool2d", {{-2, 2, images}}, [](const Inputs& in) { return ts::adaptive_max_pool2d(in[0], 7); }},
      {"max_pool2d with indices", {{-2, 2, images}}, [](const Inputs& in) { return ts::max_pool2d_with_indices(in[0], 2).values; }},
      {"grid_sample", {{-2, 2, images}, {-1, 1, {images[0], 32, 32, 2}}}, [](const Inputs& in) { return ts::grid_sample(in[0], in[1]); }},
      {"rnn", recurrent(rows, 1), [](const Inputs& in) { return ts::rnn(in[0], in[3], {in[1], in[2], {}, {}}).y; }},
      {"lstm", recurrent(rows, 4), [](const Inputs& in) { return ts::lstm(in[0], in[3], in[3], {in[1], in[2], {}, {}}).y; }},
      {"gru", recurrent(rows, 3), [](const Inputs& in) { return ts::gru(in[0], in[3], {in[1], in[2], {}, {}}).y; }},
  };
}

Tensor make(const Operand& o, const Shape& shape, int number, ts::DType dtype) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double turns = 0.6180339887498949 * static_cast<double>(i) + 0.37 * number;
    values[i] = o.lo + (o.hi - o.lo) * (turns - std::floor(turns));
    if (o.is_index) values[i] = std::floor(values[i]);
  }
  const Tensor t = ts::from(values, shape).to(o.is_index ? ts::i64 : dtype);
  return o.is_index ? t : t.requires_grad_();
}

/// A case with its operands, its result and a gradient to start from.
class Runner {
 public:
  Runner(const Case& c, std::int64_t rows, ts::DType dtype) : case_(c) {
    for (std::size_t i = 0; i < c.operands.size(); ++i) inputs_.push_back(make(c.operands[i], c.operands[i].shape.ndim() ? c.operands[i].shape : Shape{rows, columns}, static_cast<int>(i), dtype));
    result_ = c.call(inputs_);
    if (!c.has_backward) return;
    for (const Tensor& x : inputs_)
      if (x.requires_grad()) wanted_.push_back(x);
    gradient_ = make({}, result_.shape(), 9, result_.dtype()).detach();
  }
  void forward() const { case_.call(inputs_); }
  std::vector<Tensor> backward() const { return ts::grad({result_}, wanted_, {.retain_graph = true, .grad_outputs = {gradient_}}); }
  /// Sums of absolute values: of the result, then of each gradient.
  std::vector<double> sums() const {
    const auto sum = [](const Tensor& t) { return t.detach().to(ts::f64).abs().sum().item<double>(); };
    std::vector<double> list{sum(result_)};
    if (case_.has_backward)
      for (const Tensor& g : backward()) list.push_back(sum(g));
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
void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(15)); }

std::unique_ptr<Peer> start_peer(const std::string& python, const std::string& peers) {
  if (python == "none") return nullptr;
  // PyTorch at its best: its allocator keeps pages rather than returning them to the system at each call
  auto peer = std::make_unique<Peer>(python, std::vector<std::string>{peers + "/torch_ops.py"},
                                     std::vector<std::string>{"MALLOC_MMAP_THRESHOLD_=4294967296", "MALLOC_TRIM_THRESHOLD_=8589934592", "MALLOC_TOP_PAD_=268435456"});
  const std::string hello = peer->answer();
  if (hello.rfind("ready", 0) == 0) {
    std::printf("against PyTorch %s\n", hello.substr(6).c_str());
    return peer;
  }
  std::printf("PyTorch is left out: %s\n", hello.empty() ? (python + " did not start").c_str() : hello.c_str());
  return nullptr;
}

bool agree(const std::vector<double>& ours, const std::vector<double>& theirs, double tolerance) {
  bool same = ours.size() == theirs.size();
  for (std::size_t i = 0; i < ours.size() && same; ++i) same = ours[i] == theirs[i] || std::fabs(ours[i] - theirs[i]) <= tolerance * (std::fabs(theirs[i]) + 1e-6);
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
  const std::string source = __FILE__, only = option(argc, argv, "only", ""), only_dtype = option(argc, argv, "dtype", "");
  const auto peer = start_peer(python_from(argc, argv), option(argc, argv, "peers", source.substr(0, source.find_last_of('/')) + "/peers"));
  std::printf("microseconds per call on 1 MiB, %d threads, median (quartiles) of %d; ! marks more than %.1f of PyTorch's time\n", threads, rounds, slow);

  Report report("ops");
  bool all_same = true;
  for (const ts::DType dtype : {ts::f32, ts::bf16, ts::f16}) {
    if (!only_dtype.empty() && only_dtype != name_of(dtype)) continue;
    const std::int64_t rows = bytes / columns / static_cast<std::int64_t>(size_of(dtype));
    double logarithms = 0;
    int count = 0;
    for (const Case& c : cases(rows)) {
      if (!only.empty() && only != c.name) continue;
      if (dtype == ts::f32 && std::string(c.name) == "cast to f32") continue;
      const Runner runner(c, rows, dtype);
      bool same = true;
      if (peer) {
        const auto theirs = numbers(peer->ask(std::string("load ") + name_of(dtype) + " " + std::to_string(rows) + " " + c.name));
        const auto ours = runner.sums();
        same = c.is_random || agree(ours, theirs, dtype == ts::f32 ? 1e-4 : c.peer_rounds_halves ? 0.3 : 0.1);  // PyTorch sums gradients of weights in the halves
        for (std::size_t i = 0; i < ours.size() && i < theirs.size() && !same; ++i)
          std::printf("sum %zu of %s: %.9g, PyTorch has %.9g\n", i, c.name, ours[i], theirs[i]);
        all_same = all_same && same;
      }
      const std::string row = std::string(c.name) + ", " + name_of(dtype);
      const double forward = measure(row, "forward", [&] { runner.forward(); }, peer.get(), rounds, same, report);
      const double backward = c.has_backward ? measure(row, "backward", [&] { runner.backward(); }, peer.get(), rounds, same, report) : 0;
      for (const double ratio : {forward, backward})
        if (ratio > 0) logarithms += std::log(ratio), ++count;
    }
    if (count) std::printf("%s: geometric mean of the ratios %.2f\n\n", name_of(dtype), std::exp(logarithms / count));
  }
  const std::string json = option(argc, argv, "json", "");
  return (json.empty() || report.save(json)) && all_same ? 0 : 1;
}
