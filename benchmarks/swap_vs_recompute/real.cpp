#include "benchmarks/swap_vs_recompute/real.hpp"

#include <algorithm>

#include "benchmarks/swap_vs_recompute/simulated.hpp"
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

/// What has been counted since `before`.
memory::Report since(const memory::Report& before, memory::Report after) {
  for (auto traffic : {&memory::Report::host, &memory::Report::file}) {
    (after.*traffic).bytes_out -= (before.*traffic).bytes_out;
    (after.*traffic).bytes_in -= (before.*traffic).bytes_in;
  }
  for (int i = 0; i < memory::Report::owner_classes; ++i) after.departures[i].dropped_bytes -= before.departures[i].dropped_bytes;
  after.replayed_ops -= before.replayed_ops;
  after.replay_seconds -= before.replay_seconds;
  after.exposed_seconds -= before.exposed_seconds;
  after.forced_departures -= before.forced_departures;
  return after;
}

}  // namespace

Ran run_steps(const Task& task, Device device, const std::optional<memory::BudgetOptions>& options, int steps) {
  const int settling = settling_steps(device);
  Ran ran;
  memory::release_cached(device);
  memory::reset_peak(device);
  try {
    std::optional<memory::Budget> budget;
    if (options) budget.emplace(device, *options);
    const auto training = begin_training(task, device);
    Tensor loss;
    memory::Report settled;  // when the steps had settled
    for (int step = 0; step < steps; ++step) {
      if (step == settling && budget) settled = budget->report();
      const double begin = clock_of(device);
      loss = training->step();
      if (step >= settling) ran.seconds.push_back(clock_of(device) - begin);
    }
    if (budget) {
      ran.report = since(settled, budget->report());
      ran.plans = ran.report.plans - settled.plans;
      ran.trace = budget->trace_json();
      ran.plan = budget->plan_json();
    }
    Bits bits;
    bits.add(loss);
    bits.add(training->network());
    ran.bits = bits.hash();
    ran.peak = memory::stats(device).peak_bytes;
    ran.fits = true;
  } catch (const OutOfMemory& error) {
    ran.why = error.what();
  }
  return ran;
}

std::vector<Row> real_curve(const Task& task, const std::string& how, const std::string& profile, const RealSettings& settings) {
  const bool on_cpu = how == "cpu";
  const Device device = on_cpu ? Device::cpu() : Device::sim(62, {.bytes = std::size_t{8} << 30, .profile = profile});
  const memory::Machine machine = machine_named(on_cpu ? "this machine" : profile);
  const Ran recorded = run_steps(task, device, memory::BudgetOptions{.bytes = runtime_of(device).capacity(), .policy = memory::Policy::keep}, 4);
  if (!recorded.fits) TASUKI_THROW(OutOfMemory, "expected  room for ", describe(task), " on ", device);
  const memory::Trace trace = memory::trace_from_json(recorded.trace);
  const memory::Simulation whole = memory::simulate(trace, machine, {});
  const std::size_t floor = memory::floor_bytes(trace);
  // By the virtual clock every step is like the next.
  const double fitting = on_cpu ? std::min(settings.seconds_of_keep / whole.seconds, 1e3) : 3;
  const int timed = std::clamp(static_cast<int>(fitting), 3, settings.most_steps), steps = settling_steps(device) + timed;

  std::vector<Row> rows;
  Ran keep;
  for (const double phi : settings.phis) {
    if (on_cpu || keep.seconds.empty()) {
      Ran again = run_steps(task, device, {}, steps);
      if (!keep.seconds.empty() && again.bits != keep.bits) TASUKI_THROW(Error, "two runs of ", describe(task), " with everything kept differ on ", device);
      keep = std::move(again);
    }
    for (const memory::Policy policy : policies) {
      Row r;
      r.how = how;
      r.machine = profile;
      r.task = task;
      r.policy = policy;
      r.phi = phi;
      r.keep_peak = whole.peak_bytes;
      r.floor = floor;
      r.budget = budget_at(phi, floor, whole.peak_bytes);
      r.launches = trace.launches.size();
      r.storages = trace.storages.size();
      for (const memory::TraceStorage& s : trace.storages) r.largest_storage = std::max(r.largest_storage, s.bytes);
      if (!on_cpu) r.lower_bound = std::max(1.0, memory::lower_bound(trace, machine, r.budget) / whole.seconds);
      const Ran ran = run_steps(task, device, memory::BudgetOptions{.bytes = r.budget, .policy = policy}, steps);
      r.feasible = ran.fits;
      if (ran.fits) {
        const double unit = summarize(keep.seconds).median;
        const Sample sample = summarize(ran.seconds);
        r.ratio = sample.median / unit;
        r.ratio_low = sample.low / unit;
        r.ratio_high = sample.high / unit;
        r.peak = ran.peak;
        r.bytes_out = (ran.report.host.bytes_out + (on_cpu ? ran.report.file.bytes_out : 0)) / static_cast<std::size_t>(timed);
        r.bytes_in = (ran.report.host.bytes_in + (on_cpu ? ran.report.file.bytes_in : 0)) / static_cast<std::size_t>(timed);
        for (const auto& departures : ran.report.departures) r.bytes_dropped += departures.dropped_bytes / static_cast<std::size_t>(timed);
        r.replayed_ops = static_cast<double>(ran.report.replayed_ops) / timed;
        r.plan_seconds = ran.report.plans ? ran.report.plan_seconds / static_cast<double>(ran.report.plans) : 0;
        r.plans = static_cast<double>(ran.plans);
        r.forced_departures = static_cast<double>(ran.report.forced_departures) / timed;
        r.bitwise = ran.bits == keep.bits;
        if (!ran.plan.empty()) {
          const memory::Plan plan = memory::plan_from_json(ran.plan);
          // To the same unit as what ran: with a budget the optimizer launches by storage, and keeping everything takes longer, too.
          r.predicted_ratio = plan.seconds / unit;
        }
      }
      rows.push_back(r);
      std::printf("    %s  phi %.2f  %-10s %s (predicted %s; %.0f plans of %.3f s; of a step %.1f ms replayed, %.1f ms waited, %.1f forced)%s%s\n", title_of(task.model), phi,
                  name_of(policy), ratio_text(r.ratio).c_str(), ratio_text(r.predicted_ratio).c_str(), r.plans, r.plan_seconds,
                  1e3 * ran.report.replay_seconds / timed, 1e3 * ran.report.exposed_seconds / timed,
                  r.forced_departures, r.within_budget() ? "" : "  BUDGET VIOLATED", r.bitwise.value_or(true) ? "" : "  BITS DIFFER");
      std::fflush(stdout);
    }
  }
  return rows;
}

}  // namespace tasuki::benchmark
