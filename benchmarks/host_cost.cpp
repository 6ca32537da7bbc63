// What an op costs before any arithmetic: nanoseconds per op on 16 floats, where kernels take next to nothing.
//
//   recorded     y = op(x) with x on the tape, result and node dropped again
//   unrecorded   the same under NoGrad
//   backward     one node of a chain of 100: its gradient kernel, accumulation and release
//
// Usage: bench_host_cost [--json FILE] [--seconds S]
#include <ctime>
#include <functional>

#include "benchmarks/support/instructions.hpp"
#include "benchmarks/support/report.hpp"
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/tensor/creation.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;
using ts::Tensor;

namespace {

constexpr int chain_length = 100;
constexpr double recorded_target = 200, backward_target = 350;

/// CPU seconds of this process so far, loading of libraries included.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Op {
  const char* name;
  ts::Shape x_shape;
  std::function<Tensor(const Tensor&)> call;
};

struct Cost {
  Sample recorded, unrecorded, backward;  // seconds per op
  double recorded_instructions = 0, backward_instructions = 0;
};

Cost measure(const Op& op, double seconds) {
  const Tensor x = ts::full(op.x_shape, 0.5, {.requires_grad = true});
  const InstructionCounter instructions;
  Cost cost;
  cost.recorded = time_per_call([&] { op.call(x); }, 1000, seconds);
  {
    ts::NoGrad off;
    cost.unrecorded = time_per_call([&] { op.call(x); }, 1000, seconds);
  }
  const double before = instructions.read();
  for (int i = 0; i < 1000; ++i) op.call(x);
  cost.recorded_instructions = (instructions.read() - before) / 1000;

  const auto chain = [&] {
    Tensor y = x;
    for (int i = 0; i < chain_length; ++i) y = op.call(y);
    return y;
  };
  const Tensor seed = ts::ones(chain().shape());
  std::vector<double> times, counts;
  const double end = now() + seconds;
  while (times.size() < 20 || now() < end) {
    Tensor y = chain();
    const double begin = now(), count = instructions.read();
    y.backward(seed);
    y = Tensor();
    times.push_back((now() - begin) / chain_length);
    counts.push_back((instructions.read() - count) / chain_length);
  }
  cost.backward = summarize(std::move(times));
  cost.backward_instructions = summarize(std::move(counts)).median;
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  const double start = now();
  ts::full({16}, 1) + ts::full({16}, 2);
  const double first_op = now() - start, cpu_until_first_op = cpu_seconds();

  const double seconds = std::atof(option(argc, argv, "seconds", "0.2").c_str());
  const Tensor w = ts::full({16}, 1.001, {.requires_grad = true}), c = ts::full({16}, 0.001);
  const Tensor weight = ts::full({4, 4}, 0.25, {.requires_grad = true}), bias = ts::full({4}, 0.01, {.requires_grad = true});
  const std::vector<Op> ops{
      {"add", {16}, [&](const Tensor& x) { return x + c; }},
      {"add, both on the tape", {16}, [&](const Tensor& x) { return x + w; }},
      {"mul, both on the tape", {16}, [&](const Tensor& x) { return x * w; }},
      {"mul by a number", {16}, [&](const Tensor& x) { return x * 1.001; }},
      {"relu", {16}, [&](const Tensor& x) { return ts::relu(x); }},
      {"exp", {16}, [&](const Tensor& x) { return ts::exp(x); }},
      {"tanh", {16}, [&](const Tensor& x) { return ts::tanh(x); }},
      {"reshape (a view)", {16}, [&](const Tensor& x) { return x.reshape(x.ndim() == 1 ? ts::Shape{4, 4} : ts::Shape{16}); }},
      {"matmul 4x4", {4, 4}, [&](const Tensor& x) { return ts::matmul(x, weight); }},
      {"linear 4x4", {4, 4}, [&](const Tensor& x) { return ts::linear(x, weight, bias); }},
  };

  Report report("host_cost");
  std::printf("first op %.2f ms after start of main; %.1f ms of CPU time since the process began (target 20)\n\n", first_op * 1e3,
              cpu_until_first_op * 1e3);
  if (!InstructionCounter().available()) std::printf("instructions are not counted: this system does not let programs do so\n");
  std::printf("ns per op on 16 floats       unrecorded    recorded  (quartiles)   instr.    backward  (quartiles)   instr.\n");
  for (const Op& op : ops) {
    const Cost cost = measure(op, seconds);
    w.zero_grad();
    weight.zero_grad();
    bias.zero_grad();
    const double recorded = cost.recorded.median * 1e9, backward = cost.backward.median * 1e9;
    std::printf("%-28s %9.0f %11.0f%c (%4.0f-%4.0f) %8.0f %11.0f%c (%4.0f-%4.0f) %8.0f\n", op.name, cost.unrecorded.median * 1e9, recorded,
                recorded > recorded_target ? '!' : ' ', cost.recorded.low * 1e9, cost.recorded.high * 1e9, cost.recorded_instructions, backward,
                backward > backward_target ? '!' : ' ', cost.backward.low * 1e9, cost.backward.high * 1e9, cost.backward_instructions);
    report.begin_row();
    report.add("op", op.name);
    report.add("unrecorded_ns", cost.unrecorded.median * 1e9);
    report.add("recorded_ns", recorded);
    report.add("backward_ns", backward);
    report.add("recorded_instructions", cost.recorded_instructions);
    report.add("backward_instructions", cost.backward_instructions);
  }
  std::printf("\ntargets: recorded %.0f ns, backward %.0f ns; ! marks what misses them\n", recorded_target, backward_target);
  report.begin_row();
  report.add("first_op_ms", first_op * 1e3);
  report.add("cpu_ms_until_first_op", cpu_until_first_op * 1e3);
  const std::string json = option(argc, argv, "json", "");
  return json.empty() || report.save(json) ? 0 : 1;
}
