#pragma once
#include <algorithm>
#include <random>
#include <vector>

#include "src/memory/planner/step_model.hpp"
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory {

/// Swaps and drops at random, with random triggers, as far as the simulator finds that they can work together.
inline Plan random_plan(const Trace& trace, const Machine& machine, const PlanOptions& options) {
  std::mt19937_64 random(options.seed);
  const auto between = [&](int low, int high) { return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1)); };
  const planner::StepModel model(trace);
  std::vector<planner::Gap> gaps = model.gaps;
  std::shuffle(gaps.begin(), gaps.end(), random);
  const int density = between(1, 4);
  Plan plan;
  for (const planner::Gap& gap : gaps) {
    if (between(1, 4) > density) continue;
    Decision d{gap.storage, gap.from, gap.to, Move::swap, machine.host_bytes && between(0, 1) ? Tier::host : Tier::file, 0, 0};
    if (gap.droppable && options.policy != Policy::swap && between(0, 1)) d.move = Move::drop;
    const int last = static_cast<int>(trace.launches.size()) - 1;
    d.freed_before = gap.wraps ? between(gap.from, last) : between(gap.from + 1, gap.is_last ? gap.until - 1 : gap.to);
    d.issue_at = gap.is_last ? gap.to : between(gap.wraps ? 0 : d.freed_before, gap.to);
    plan.decisions.push_back(d);
    if (!simulate(trace, machine, plan).possible) plan.decisions.pop_back();
  }
  const Simulation played = simulate(trace, machine, plan);
  plan.feasible = played.possible;
  plan.budget_bytes = options.budget_bytes;
  plan.peak_bytes = played.peak_bytes;
  plan.seconds = played.seconds;
  plan.keep_seconds = played.keep_seconds;
  return plan;
}

}  // namespace tasuki::memory
