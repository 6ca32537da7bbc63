#include "benchmarks/swap_vs_recompute/simulated.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "tasuki/memory/simulation.hpp"
#include "tasuki/runtime/device_profile.hpp"

namespace tasuki::benchmark {

memory::Machine machine_named(const std::string& profile) { return memory::machine_of(device_profile(profile)); }
DType dtype_on(const std::string& profile) { return profile == "v100-nvlink" ? DType::f32 : DType::bf16; }

void in_parallel(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr error;
  std::mutex mutex;
  const auto serve = [&] {
    try {
      for (std::size_t i; (i = next++) < count;) work(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
    }
  };
  std::vector<std::thread> helpers;
  for (int t = 1; t < threads; ++t) helpers.emplace_back(serve);
  serve();
  for (std::thread& t : helpers) t.join();
  if (error) std::rethrow_exception(error);
}

std::vector<Row> simulated_curve(const Task& task, const std::string& profile, const memory::Trace& trace, const std::vector<double>& phis, int threads) {
  const memory::Machine machine = machine_named(profile);
  const memory::Simulation keep = memory::simulate(trace, machine, {});
  const std::size_t floor = memory::floor_bytes(trace);
  std::vector<Row> rows(phis.size() * std::size(policies));
  std::array<std::atomic<std::size_t>, std::size(policies)> hopeless{}, tedious{};  // budgets up to this one, by policy
  in_parallel(rows.size(), threads, [&](std::size_t i) {
    Row& r = rows[i];
    r.how = "simulated";
    r.machine = profile;
    r.task = task;
    r.policy = policies[i % std::size(policies)];
    r.phi = phis[i / std::size(policies)];
    r.keep_peak = keep.peak_bytes;
    r.floor = floor;
    r.budget = budget_at(r.phi, floor, keep.peak_bytes);
    r.launches = trace.launches.size();
    r.storages = trace.storages.size();
    for (const memory::TraceStorage& s : trace.storages) r.largest_storage = std::max(r.largest_storage, s.bytes);
    r.lower_bound = std::max(1.0, memory::lower_bound(trace, machine, r.budget) / keep.seconds);
    if (r.budget <= hopeless[i % std::size(policies)]) return;
    r.planned = r.budget > tedious[i % std::size(policies)];
    if (!r.planned) return;
    const memory::Plan plan = memory::plan(trace, machine, {.budget_bytes = r.budget, .policy = r.policy});
    r.plan_seconds = plan.planning_seconds;
    if (r.plan_seconds > longest_planning) tedious[i % std::size(policies)] = r.budget;
    r.feasible = plan.feasible;
    if (!plan.feasible) {
      hopeless[i % std::size(policies)] = r.budget;
      return;
    }
    // Not what the plan says of itself, but what playing it through gives.
    const memory::Simulation played = memory::simulate(trace, machine, plan);
    r.feasible = played.possible;
    r.ratio = r.ratio_low = r.ratio_high = played.seconds / keep.seconds;
    r.peak = played.peak_bytes;
    r.bytes_out = played.bytes_out;
    r.bytes_in = played.bytes_in;
    r.bytes_dropped = played.bytes_dropped;
    r.replayed_ops = static_cast<double>(played.replays.size());
  });
  return rows;
}

}  // namespace tasuki::benchmark
