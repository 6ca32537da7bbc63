#include "benchmarks/swap_vs_recompute/run.hpp"

#include <algorithm>

#include "benchmarks/support/report.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki::benchmark {

namespace {

/// FNV over the values of tensors.
class Bits {
 public:
  void add(const Tensor& tensor) {
    if (!tensor.defined()) return;
    const std::vector<double> values = tensor.detach().to(f64).to(Device::cpu()).to_vector<double>();  // each f32 is an f64
    const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
    for (std::size_t i = 0; i < values.size() * sizeof(double); ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3u;
  }
  void add(nn::Module& network) {
    for (const Tensor& p : network.parameters()) add(p.grad()), add(p);
    for (const Tensor& b : network.buffers()) add(b);
  }
  std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

double clock_of(Device device) { return device.is_cpu() ? now() : sim::clock(device).seconds(); }

Moved between(const memory::Report& before, const memory::Report& after, Device device) {
  Moved m;
  const auto traffic = device.is_cpu() ? &memory::Report::file : &memory::Report::host;
  m.bytes_out = static_cast<double>((after.*traffic).bytes_out - (before.*traffic).bytes_out);
  m.bytes_in = static_cast<double>((after.*traffic).bytes_in - (before.*traffic).bytes_in);
  for (int i = 0; i < memory::Report::owner_classes; ++i)
    m.bytes_dropped += static_cast<double>(after.departures[i].dropped_bytes - before.departures[i].dropped_bytes);
  m.replayed_ops = static_cast<double>(after.replayed_ops - before.replayed_ops);
  m.replay_seconds = after.replay_seconds - before.replay_seconds;
  m.exposed_seconds = after.exposed_seconds - before.exposed_seconds;
  m.forced_departures = static_cast<double>(after.forced_departures - before.forced_departures);
  m.plans = static_cast<double>(after.plans - before.plans);
  return m;
}

}  // namespace

Run::Run(const Task& task, Device device, const std::optional<memory::BudgetOptions>& budget) : device_(device) {
  memory::release_cached(device);
  memory::reset_peak(device);
  try {
    if (budget) budget_.emplace(device, *budget);
    training_ = begin_training(task, device);
    ran_.fits = true;
  } catch (const OutOfMemory&) {
  }
}

bool Run::steps(int count, int settling) {
  try {
    for (int step = 0; step < count && ran_.fits; ++step) {
      const bool timed = step >= settling;
      if (timed && budget_ && !settled_) settled_ = budget_->report();
      const double begin = clock_of(device_);
      loss_ = training_->step();
      if (timed) ran_.seconds.push_back(clock_of(device_) - begin);
    }
  } catch (const OutOfMemory&) {
    ran_.fits = false;
  }
  return ran_.fits;
}

Ran Run::finish() {
  if (!ran_.fits) return ran_;
  if (budget_) {
    const memory::Report report = budget_->report();
    if (settled_) ran_.moved = between(*settled_, report, device_);
    if (report.plans) ran_.plan_seconds = report.plan_seconds / static_cast<double>(report.plans);
    ran_.trace = budget_->trace_json();
    if (const std::string plan = budget_->plan_json(); !plan.empty()) ran_.predicted_seconds = memory::plan_from_json(plan).seconds;
  }
  Bits bits;
  bits.add(loss_);
  bits.add(training_->network());
  ran_.bits = bits.hash();
  ran_.peak = memory::stats(device_).peak_bytes;
  return ran_;
}

Ran run_steps(const Task& task, Device device, const std::optional<memory::BudgetOptions>& budget, int steps) {
  Run run(task, device, budget);
  run.steps(steps, settling_steps(device));
  return run.finish();
}

}  // namespace tasuki::benchmark
