#include "benchmarks/swap_vs_recompute/largest.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "benchmarks/swap_vs_recompute/run.hpp"
#include "benchmarks/swap_vs_recompute/simulated.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki::benchmark {

namespace {

/// What one size needs.
struct Fit {
  std::size_t peak = 0, floor = 0;
  double keep_seconds = 0;
  bool planned = false;
  double seconds = 0;  ///< within the budget
};

/// The sizes that a search goes through: batches, or edges of a volume in the steps that the network takes.
class Sizes {
 public:
  explicit Sizes(Task base) : base_(std::move(base)), volume_(base_.model == "unet3d") {}
  Task at(std::int64_t i) const {
    Task task = base_;
    if (volume_) task.size = i << (base_.layers - 1);
    else task.batch = i;
    return task;
  }
  /// Samples, or voxels.
  double amount(std::int64_t i) const { return volume_ ? std::pow(static_cast<double>(at(i).size), 3) : static_cast<double>(i); }
  /// Of one sample, or one voxel at the coarsest level, there is no variance.
  static constexpr std::int64_t smallest = 2;
  std::string text(std::int64_t i) const { return volume_ ? std::to_string(at(i).size) + "^3 voxels" : "batch " + std::to_string(i); }

 private:
  Task base_;
  bool volume_;
};

/// The largest index for which `good` holds, given that it holds for all below; to within one part in `parts`.
std::int64_t largest_index(std::int64_t from, std::int64_t parts, const std::function<bool(std::int64_t)>& good) {
  if (!good(from)) return 0;  // no such index
  std::int64_t low = from, high = 2 * from;
  while (good(high)) low = high, high *= 2;
  while (high - low > std::max<std::int64_t>(1, low / parts)) {
    const std::int64_t middle = low + (high - low) / 2;
    (good(middle) ? low : high) = middle;
  }
  return low;
}

Largest search(Largest found, const Sizes& sizes, std::int64_t parts, const std::function<Fit(std::int64_t)>& look, const std::function<void(std::int64_t, Fit&)>& plan) {
  std::map<std::int64_t, Fit> seen;
  const auto of = [&](std::int64_t i) -> Fit& {
    auto [it, fresh] = seen.try_emplace(i);
    if (fresh) it->second = look(i);
    return it->second;
  };
  const auto within = [&](std::int64_t i) -> Fit& {
    Fit& fit = of(i);
    if (!fit.planned) {
      fit.planned = true;
      if (fit.floor <= found.budget) plan(i, fit);
    }
    return fit;
  };
  const std::int64_t keep = largest_index(Sizes::smallest, 128, [&](std::int64_t i) { return of(i).peak <= found.budget; });
  if (keep == 0) return found;
  const auto multiple = [&](std::int64_t i) { return sizes.amount(i) / sizes.amount(keep); };
  const double keep_speed = sizes.amount(keep) / of(keep).keep_seconds;
  const auto speed = [&](std::int64_t i) { return within(i).seconds > 0 ? sizes.amount(i) / within(i).seconds / keep_speed : 0; };
  found.keep = sizes.at(keep);
  found.ceiling = multiple(largest_index(keep, 128, [&](std::int64_t i) { return of(i).floor <= found.budget; }));
  const std::int64_t any = largest_index(keep, parts, [&](std::int64_t i) { return speed(i) > 0; });
  const std::int64_t fast = largest_index(keep, parts, [&](std::int64_t i) { return speed(i) >= fast_speed; });
  if (any == 0 || fast == 0) return found;
  found.any_speed = multiple(any);
  found.fast = multiple(fast);
  found.speed_at_any = speed(any);
  found.largest = sizes.text(any);
  found.largest_fast = sizes.text(fast);
  return found;
}

Task base_task(const std::string& model, bool paper, DType dtype) {
  if (paper) return paper_task(model, dtype);
  if (model == "resnet50") return {.model = model, .size = 32};
  return {.model = model, .batch = 1, .channels = 4, .layers = 3};
}

Fit recorded_fit(const memory::Trace& trace, const memory::Machine& machine) {
  const memory::Simulation keep = memory::simulate(trace, machine, {});
  Fit fit;
  fit.peak = keep.peak_bytes;
  fit.floor = memory::floor_bytes(trace);
  fit.keep_seconds = keep.seconds;
  return fit;
}

}  // namespace

Largest largest_simulated(const std::string& model, const std::string& profile, std::size_t budget) {
  const memory::Machine machine = machine_named(profile);
  const Sizes sizes(base_task(model, true, dtype_on(profile)));
  std::map<std::int64_t, memory::Trace> traces;
  Largest start;
  start.how = "simulated";
  start.machine = profile;
  start.budget = budget;
  return search(
      start, sizes, 128,
      [&](std::int64_t i) { return recorded_fit(traces[i] = record(sizes.at(i), profile), machine); },
      [&](std::int64_t i, Fit& fit) {
        const memory::Plan made = memory::plan(traces[i], machine, {.budget_bytes = budget});
        if (made.feasible) fit.seconds = memory::simulate(traces[i], machine, made).seconds;
      });
}

Largest largest_on_sim(const std::string& model, const std::string& profile, std::size_t budget) {
  const memory::Machine machine = machine_named(profile);
  const Sizes sizes(base_task(model, false, DType::f32));
  const Device device = Device::sim(61, {.bytes = std::size_t{16} << 30, .profile = profile});
  const auto train = [&](std::int64_t i, int steps) { return run_steps(sizes.at(i), device, memory::BudgetOptions{.bytes = budget}, steps); };
  Largest start;
  start.how = "sim";
  start.machine = profile;
  start.budget = budget;
  std::int64_t largest = 0;
  sim::set_clock_only(device, true);
  Largest found = search(
      start, sizes, 16, [&](std::int64_t i) { return recorded_fit(record(sizes.at(i), profile), machine); },
      [&](std::int64_t i, Fit& fit) {
        const Ran ran = train(i, settling_steps(device) + 2);
        if (!ran.fits) return;
        fit.seconds = summarize(ran.seconds).median;
        largest = std::max(largest, i);
      });
  sim::set_clock_only(device, false);
  constexpr int steps = 4;  // one without a plan, one that is recognized, two with a plan
  const Ran kept = run_steps(sizes.at(largest), device, {}, steps), ran = train(largest, steps);
  found.confirmed = ran.fits && ran.peak <= budget && ran.bits == kept.bits;
  return found;
}

}  // namespace tasuki::benchmark
