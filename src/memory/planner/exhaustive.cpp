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

}  // namespace tasuki::memory
