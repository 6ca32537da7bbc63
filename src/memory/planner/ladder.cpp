#include "src/memory/planner/ladder.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tasuki::memory::planner {

namespace {

// Work is counted, never timed, so that plans are the same on every machine: in launches played (Simulator::work), some 0.1 us each.
// A restricted policy has fewer ways to go, and is planned as a rival of the automatic one, too.
constexpr std::uint64_t automatic_work = 4'400'000, restricted_work = 2'200'000, small_work = 600'000;
constexpr int few_rungs = 24, some_rungs = 60, most_rungs = 2000;
constexpr std::size_t rungs_to_skip = 9;
constexpr int most_failures = 3;
constexpr double rung_ratio = 1.003;  // between the caps of two rungs, so that nearly all of a budget is used
constexpr int bound_launches = 12;
constexpr double good_enough = 1.002;  // times the bound

}  // namespace

Ladder::Ladder(const StepModel& model, const Machine& machine, Policy policy, std::uint64_t seed)
    : model_(model), search_(model, machine, policy, seed), bound_(model, machine, allowed_by(policy), bound_launches),
      work_(policy == Policy::automatic ? automatic_work : restricted_work), small_(search_.most_work() * few_rungs < small_work) {
  if (!search_.moves_anything() || model.keep_peak <= model.floor) return;
  const double top = static_cast<double>(model.keep_peak), bottom = static_cast<double>(model.floor);
  // A small step is looked at on all rungs.
  const double rungs = small_ ? std::min<double>(some_rungs, static_cast<double>(small_work) / static_cast<double>(search_.most_work())) : most_rungs;
  const double ratio = std::max(rung_ratio, std::pow(top / bottom, 1 / rungs));
  for (double cap = top / ratio; cap > bottom * ratio; cap /= ratio) caps_.push_back(static_cast<std::size_t>(cap));
  caps_.push_back(model.floor);
}

bool Ladder::may_beat(const Outcome& rival, std::size_t budget_bytes) const {
  return small_ || !rival.feasible || bound_.seconds(budget_bytes) < rival.seconds;
}

Outcome Ladder::best_within(std::size_t budget_bytes) {
  Outcome best;
  const auto take = [&](const Outcome& o) {
    if (o.feasible && o.peak <= budget_bytes && o.before(best)) best = o;
  };
  const std::uint64_t end = search_.work() + work_;
  bool works = false, hopeless = false;
  int failures = 0;
  std::size_t fits_below = SIZE_MAX;
  for (std::size_t r = 0; r < caps_.size(); ++r) {
    const std::size_t cap = caps_[r];
    if (small_ ? fits_below <= cap : cap > budget_bytes) continue;  // the plan of the rung above fits here as well
    const double bound = bound_.seconds(cap);
    hopeless = !small_ && best.feasible && bound * good_enough >= best.seconds;
    if (hopeless || (!small_ && search_.work() >= end)) break;
    const Outcome found = search_.at(cap, work_ * 9 / 10, bound * (small_ ? 1 + 1e-9 : good_enough)).outcome;
    if (found.feasible) fits_below = found.peak;
    works |= found.feasible && found.peak <= budget_bytes;
    take(found);
    if (small_ || found.feasible) continue;
    if (best.feasible || ++failures == most_failures) break;  // there is nothing for even less memory
    r += rungs_to_skip;  // but choices that do not fit where they are looked for may do so elsewhere
  }
  if (!works && !hopeless && !best.feasible) take(smallest());
  return best;
}

const Outcome& Ladder::smallest() {
  if (!smallest_known_) smallest_ = search_.smallest(work_).outcome;
  smallest_known_ = true;
  if (!smallest_.feasible) smallest_.peak = model_.keep_peak;
  return smallest_;
}

}  // namespace tasuki::memory::planner
