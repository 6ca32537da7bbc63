#include "benchmarks/swap_vs_recompute/real.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "benchmarks/swap_vs_recompute/run.hpp"
#include "benchmarks/swap_vs_recompute/simulated.hpp"
#include "benchmarks/swap_vs_recompute/turns.hpp"
#include "src/memory/link_measurement.hpp"
#include "src/memory/transfer.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki::benchmark {

namespace {

constexpr int most_rounds = 9, most_settling_rounds = 6;

memory::Machine machine_of_cpu() {
  DeviceRuntime& cpu = runtime_of(Device::cpu());
  memory::TransferEngine tiers(cpu, {});
  return memory::measure_machine(cpu, tiers);
}

/// One way to train at one budget.
struct Way {
  std::optional<memory::BudgetOptions> budget = {};  ///< none: everything is kept
  Ran ran = {};
  std::vector<double> ratios = {};                   ///< to keeping everything
  double keep_seconds = 0;                           ///< a step with everything kept
};

/// Ways to train one task; the first keeps everything.
class Contest {
 public:
  Contest(const Task& task, Device device, const RealSettings& settings, double keep_seconds)
      : task_(task), device_(device), program_(settings.program),
        steps_(std::clamp(static_cast<int>(device.is_cpu() ? std::min(settings.seconds_of_keep / keep_seconds, 1e3) : 3), 3, settings.most_steps)) {}
  /// Steps since the first that was timed.
  int timed() const { return device_.is_cpu() ? rounds() * (steps_per_turn() + 1) - 1 : steps_; }

  void run(std::vector<Way>& ways) {
    if (device_.is_cpu()) take_turns(ways);
    else one_by_one(ways);
    const Ran& keep = ways.front().ran;
    const bool as_long = std::exchange(settled_in_, settling_) == settling_;
    if (keep_.fits && as_long && keep_.bits != keep.bits) TASUKI_THROW(Error, "two runs of ", describe(task_), " with everything kept differ on ", device_);
    keep_ = keep;
  }

 private:
  int rounds() const { return std::min(steps_, most_rounds); }
  int steps_per_turn() const { return (steps_ + rounds() - 1) / rounds(); }

  void take_turns(std::vector<Way>& ways) {
    std::vector<std::unique_ptr<Turns>> turns;
    std::vector<double> of_keep;
    for (const Way& way : ways) turns.push_back(std::make_unique<Turns>(program_, task_, way.budget));
    settle(ways, turns);
    for (int round = 0; round < rounds(); ++round) {
      double unit = 0;
      for (std::size_t i = 0; i < ways.size(); ++i) {
        if (!ways[i].ran.fits) continue;
        const std::vector<double> seconds = turns[i]->take(steps_per_turn());
        ways[i].ran.fits = !seconds.empty();
        const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0) / steps_per_turn();
        if (i == 0) of_keep.push_back(unit = sum);
        ways[i].ratios.push_back(sum / unit);
      }
    }
    for (std::size_t i = 0; i < ways.size(); ++i) {
      if (ways[i].ran.fits) ways[i].ran = turns[i]->finish();
      ways[i].keep_seconds = summarize(of_keep).median;
    }
  }

  /// Until nobody makes plans any more. All take as many steps, since their bits are compared.
  void settle(std::vector<Way>& ways, std::vector<std::unique_ptr<Turns>>& turns) {
    std::vector<int> plans(ways.size(), 0);
    for (Way& way : ways) way.ran.fits = true;
    bool planned = true;
    for (settling_ = 0; settling_ < most_settling_rounds && planned; ++settling_) {
      planned = settling_ == 0;
      for (std::size_t i = 0; i < ways.size(); ++i) {
        if (!ways[i].ran.fits) continue;
        const std::optional<int> made = turns[i]->settle(settling_steps(device_));
        ways[i].ran.fits = made.has_value();
        if (!made) continue;
        planned |= *made != plans[i];
        plans[i] = *made;
      }
    }
  }

  void one_by_one(std::vector<Way>& ways) {
    for (Way& way : ways) {
      if (&way == &ways.front() && keep_.fits) way.ran = keep_;  // by the virtual clock it would not differ
      else way.ran = run_steps(task_, device_, way.budget, settling_steps(device_) + steps_);
      way.keep_seconds = summarize(ways.front().ran.seconds).median;
      for (double s : way.ran.seconds) way.ratios.push_back(s / way.keep_seconds);
    }
  }

  Task task_;
  Device device_;
  std::string program_;
  int steps_;
  Ran keep_;  ///< of the last contest
  int settling_ = 0, settled_in_ = 0;  ///< rounds until everybody had settled; those of the last contest
};

void fill(Row& r, const Way& way, const Ran& keep, int timed) {
  const Ran& ran = way.ran;
  r.feasible = ran.fits;
  if (!ran.fits) return;
  const Sample ratio = summarize(way.ratios);
  r.ratio = ratio.median;
  r.ratio_low = ratio.low;
  r.ratio_high = ratio.high;
  r.peak = ran.peak;
  const auto of_a_step = [&](double sum) { return static_cast<std::size_t>(sum / timed); };
  r.bytes_out = of_a_step(ran.moved.bytes_out);
  r.bytes_in = of_a_step(ran.moved.bytes_in);
  r.bytes_dropped = of_a_step(ran.moved.bytes_dropped);
  r.replayed_ops = ran.moved.replayed_ops / timed;
  r.forced_departures = ran.moved.forced_departures / timed;
  r.plan_seconds = ran.plan_seconds;
  r.plans = ran.moved.plans;
  r.bitwise = ran.bits == keep.bits;
  // To the same unit as what ran: with a budget the optimizer launches by storage, and keeping everything takes longer, too.
  if (ran.predicted_seconds > 0) r.predicted_ratio = ran.predicted_seconds / way.keep_seconds;
}

void print(const Row& r, const Moved& moved, int timed) {
  std::printf("    %s  phi %.2f  %-10s %s (predicted %s; %.0f plans of %.3f s; of a step %.1f ms replayed, %.1f ms waited, %.1f forced)%s%s\n", title_of(r.task.model), r.phi,
              name_of(r.policy), ratio_text(r.ratio).c_str(), ratio_text(r.predicted_ratio).c_str(), r.plans, r.plan_seconds, 1e3 * moved.replay_seconds / timed,
              1e3 * moved.exposed_seconds / timed, r.forced_departures, r.within_budget() ? "" : "  BUDGET VIOLATED", r.bitwise.value_or(true) ? "" : "  BITS DIFFER");
  std::fflush(stdout);
}

}  // namespace

std::vector<Row> real_curve(const Task& task, const std::string& how, const std::string& profile, const RealSettings& settings) {
  const bool on_cpu = how == "cpu";
  const Device device = on_cpu ? Device::cpu() : Device::sim(62, {.bytes = std::size_t{8} << 30, .profile = profile});
  const memory::Machine machine = on_cpu ? machine_of_cpu() : machine_named(profile);
  const Ran recorded = run_steps(task, device, memory::BudgetOptions{.bytes = runtime_of(device).capacity(), .policy = memory::Policy::keep}, 6);
  if (!recorded.fits) TASUKI_THROW(OutOfMemory, "expected  room for ", describe(task), " on ", device);
  const memory::Trace trace = memory::trace_from_json(recorded.trace);
  const memory::Simulation whole = memory::simulate(trace, machine, {});
  memory::release_cached(device);

  Row row;
  row.how = how;
  row.machine = profile;
  row.task = task;
  row.keep_peak = whole.peak_bytes;
  row.floor = memory::floor_bytes(trace);
  row.launches = trace.launches.size();
  row.storages = trace.storages.size();
  for (const memory::TraceStorage& s : trace.storages) row.largest_storage = std::max(row.largest_storage, s.bytes);

  Contest contest(task, device, settings, whole.seconds);
  std::vector<Row> rows;
  for (const double phi : settings.phis) {
    row.phi = phi;
    row.budget = budget_at(phi, row.floor, row.keep_peak);
    row.lower_bound = std::max(1.0, memory::lower_bound(trace, machine, row.budget) / whole.seconds);
    std::vector<Way> ways(1);
    for (const memory::Policy policy : policies) ways.push_back({.budget = memory::BudgetOptions{.bytes = row.budget, .policy = policy}});
    contest.run(ways);
    for (std::size_t i = 1; i < ways.size(); ++i) {
      rows.push_back(row);
      rows.back().policy = policies[i - 1];
      fill(rows.back(), ways[i], ways.front().ran, contest.timed());
      print(rows.back(), ways[i].ran.moved, contest.timed());
    }
  }
  return rows;
}

}  // namespace tasuki::benchmark
