#include <algorithm>

#include "src/core/clock.hpp"
#include "src/memory/planner/ladder.hpp"
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory {

using planner::Ladder;
using planner::Outcome;
using planner::Simulator;
using planner::StepModel;

Simulation simulate(const Trace& trace, const Machine& machine, const Plan& plan) {
  const StepModel model(trace);
  return Simulator(model, machine).play(plan.decisions, Simulator::Depth::details);
}

std::size_t floor_bytes(const Trace& trace) { return StepModel(trace).floor; }

Machine machine_of(const DeviceProfile& profile) {
  Machine machine;
  machine.name = profile.name;
  machine.out = profile.out;
  machine.in = profile.in;
  // What leaves for the file passes the host first; 3 GB/s each way is an ordinary NVMe.
  machine.file_out = machine.file_in = {100e-6, 3e9};
  return machine;
}

Plan plan(const Trace& trace, const Machine& machine, const PlanOptions& options) {
  const double start = now();
  const StepModel model(trace);
  Plan made;
  made.budget_bytes = options.budget_bytes;
  made.keep_seconds = made.seconds = model.seconds;
  made.peak_bytes = made.smallest_budget = model.keep_peak;
  const auto finish = [&] {
    made.planning_seconds = now() - start;
    return made;
  };
  if (model.keep_peak <= options.budget_bytes) {
    made.feasible = true;
    made.smallest_budget = 0;
    return finish();
  }
  // The restricted policies' own plans are taken where they are faster: so the automatic one is never slower than either.
  std::vector<Policy> policies{options.policy};
  if (options.policy == Policy::automatic) policies = {Policy::automatic, Policy::recompute, Policy::swap};
  Outcome best;
  std::vector<Ladder> ladders;
  for (Policy policy : policies) {
    ladders.emplace_back(model, machine, policy, options.seed);
    if (!ladders.back().may_beat(best, options.budget_bytes)) continue;
    if (Outcome found = ladders.back().best_within(options.budget_bytes); found.before(best)) best = std::move(found);
  }
  if (!best.feasible)
    for (Ladder& ladder : ladders) made.smallest_budget = std::min(made.smallest_budget, ladder.smallest_peak());
  Simulator simulator(model, machine);
  if (!best.feasible) {
    for (int k = 0; k < model.launches && made.blocked_launch < 0; ++k) {
      std::size_t pinned = trace.base_bytes + model.launch(k).workspace;
      for (int s : model.operands[k]) pinned += model.bytes(s);
      if (pinned > options.budget_bytes) made.blocked_launch = k;
    }
    // Every launch fits by itself, but not with what cannot leave: name the most crowded one.
    if (made.blocked_launch < 0) made.blocked_launch = simulator.play({}, Simulator::Depth::memory).peak_launch;
    return finish();
  }
  const Simulation& played = simulator.play(best.decisions, Simulator::Depth::time);
  made.feasible = true;
  made.smallest_budget = 0;
  made.decisions = std::move(best.decisions);
  made.peak_bytes = played.peak_bytes;
  made.seconds = played.seconds;
  made.exposed_seconds = played.exposed_seconds;
  made.replay_seconds = played.replay_seconds;
  made.bytes_out = played.bytes_out;
  made.bytes_in = played.bytes_in;
  made.bytes_dropped = played.bytes_dropped;
  return finish();
}

}  // namespace tasuki::memory
