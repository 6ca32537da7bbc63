#include <algorithm>
#include <limits>

#include "src/memory/planner/greedy.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory {

using namespace planner;

Plan exhaustive_plan(const Trace& trace, const Machine& machine, const PlanOptions& options) {
  constexpr std::size_t most_gaps = 9;
  const StepModel model(trace);
  if (model.gaps.size() > most_gaps) TASUKI_THROW(ValueError, "every choice for ", model.gaps.size(), " gaps is too much: at most ", most_gaps);
  Scheduler scheduler(model, machine);
  const Greedy greedy(model, machine, scheduler, allowed_by(options.policy));
  Outcome best;
  Choices choices(model.gaps.size(), Choice::keep);
  for (bool more = true; more;) {
    bool allowed = scheduler.tiers_have_room(choices);
    for (std::size_t g = 0; g < choices.size(); ++g)
      allowed = allowed && (choices[g] == Choice::keep || (choices[g] == Choice::swap ? greedy.can_swap(g) : greedy.can_drop(g)));
    if (allowed)
      if (Outcome outcome = scheduler.schedule(choices, options.budget_bytes); outcome.better_than(best)) best = std::move(outcome);
    // the next number in base 3
    more = false;
    for (Choice& c : choices) {
      c = c == Choice::keep ? Choice::swap : c == Choice::swap ? Choice::drop : Choice::keep;
      if (c == Choice::keep) continue;
      more = true;
      break;
    }
  }
  Plan plan;
  plan.feasible = best.feasible;
  plan.budget_bytes = options.budget_bytes;
  plan.peak_bytes = best.peak;
  plan.seconds = best.seconds;
  plan.keep_seconds = model.seconds;
  plan.decisions = std::move(best.decisions);
  return plan;
}

namespace {

/// What can leave at one launch, for the bound.
struct Leavable {
  double free = 0;                                  ///< bytes that cost nothing
  double swappable = 0;                             ///< bytes in all, whether or not they can be dropped, too
  std::vector<std::pair<double, double>> replays;  ///< seconds per byte, bytes; cheapest first

  double replay_seconds(double bytes) const {
    double seconds = 0;
    for (const auto& [rate, available] : replays) {
      const double part = std::min(bytes, available);
      seconds += rate * part;
      if ((bytes -= part) <= 0) return seconds;
    }
    return std::numeric_limits<double>::infinity();
  }
};

Leavable leavable_at(const StepModel& model, int k) {
  Leavable found;
  for (const Gap& gap : model.gaps) {
    const bool inside = gap.wraps ? k > gap.from || k < gap.to : k > gap.from && k < gap.to;
    if (!inside) continue;
    const double bytes = static_cast<double>(gap.bytes);
    // What exists before the step may have a copy from the step before.
    if (gap.wraps || model.storage(gap.storage).at_start) {
      found.free += bytes;
      continue;
    }
    found.swappable += bytes;
    if (!gap.droppable) continue;
    const int writer = model.writer_before(gap.storage, gap.from + 1);
    double made = 0;
    for (int s : model.outputs[writer]) made += static_cast<double>(model.bytes(s));
    found.replays.emplace_back(model.launch(writer).seconds / made, bytes);
  }
  std::sort(found.replays.begin(), found.replays.end());
  return found;
}

}  // namespace

double lower_bound(const Trace& trace, const Machine& machine, std::size_t budget_bytes) {
  const StepModel model(trace);
  Scheduler scheduler(model, machine);
  const std::vector<std::size_t> memory = scheduler.least_memory(Choices(model.gaps.size(), Choice::keep)).memory;
  double bound = model.seconds;
  const int stride = std::max(1, model.launches / 128);  // a bound at any launch holds; these are many
  for (int k = 0; k < model.launches; k += stride) {
    if (memory[static_cast<std::size_t>(k)] <= budget_bytes) continue;
    const Leavable can = leavable_at(model, k);
    const double away = static_cast<double>(memory[static_cast<std::size_t>(k)] - budget_bytes) - can.free;
    if (away <= 0) continue;
    const double before = model.begin[static_cast<std::size_t>(k)], after = model.seconds - before;
    const auto seconds = [&](double swapped) {
      return std::max(before, swapped / machine.out.bytes_per_s) + std::max(after + can.replay_seconds(away - swapped), swapped / machine.in.bytes_per_s);
    };
    double replayable = 0;
    for (const auto& [rate, bytes] : can.replays) replayable += bytes;
    // A convex function of the swapped bytes.
    double low = std::max(0.0, away - replayable * (1 - 1e-12)), high = std::min(away, can.swappable);
    if (low > high) continue;  // it cannot fit; that is not for a bound of time to say
    for (int i = 0; i < 100; ++i) {
      const double a = low + (high - low) / 3, b = high - (high - low) / 3;
      if (seconds(a) <= seconds(b)) high = b;
      else low = a;
    }
    if (const double least = seconds(low); least < std::numeric_limits<double>::infinity()) bound = std::max(bound, least * (1 - 1e-9));
  }
  return bound;
}

}  // namespace tasuki::memory
