#include "src/memory/planner/ladder.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tasuki::memory::planner {

namespace {

// Work is counted, never timed, so that plans are the same on every machine: in launches played (Simulator::work), some 0.1 us each.
constexpr std::uint64_t rung_work = 4'000'000, ladder_work = 4'400'000, small_work = 600'000;
constexpr int most_rungs = 150, few_rungs = 24;
constexpr double rung_ratio = 1.02;  // between the caps of two rungs, so that nearly all of a budget is used
constexpr int bound_launches = 12;
constexpr double good_enough = 1.002;  // times the bound

}  // namespace

Ladder::Ladder(const StepModel& model, const Machine& machine, Policy policy, std::uint64_t seed)
    : model_(model), search_(model, machine, policy, seed), bound_(model, machine, allowed_by(policy), bound_launches), small_(search_.most_work() * few_rungs < small_work) {
  if (!search_.moves_anything() || model.keep_peak <= model.floor) return;
  const double top = static_cast<double>(model.keep_peak), bottom = static_cast<double>(model.floor);
  const double ratio = std::max(rung_ratio, std::pow(top / bottom, 1.0 / (small_ ? few_rungs : most_rungs)));
  for (double cap = top / ratio; cap > bottom * ratio; cap /= ratio) caps_.push_back(static_cast<std::size_t>(cap));
  caps_.push_back(model.floor);
}

Outcome Ladder::best_within(std::size_t budget_bytes, Outcome rival) {
  const bool rival_is_feasible = rival.feasible && !small_;
  Outcome best = std::move(rival);
  const auto take = [&](const Outcome& o) {
    if (o.feasible && o.peak <= budget_bytes && o.before(best)) best = o;
  };
  // What only has to beat a rival gets less.
  const std::uint64_t share = rival_is_feasible ? 2 : 1, end = search_.work() + ladder_work / share;
  bool works = false, hopeless = false;
  std::size_t fits_below = SIZE_MAX;
  for (std::size_t r = 0; r < caps_.size(); ++r) {
    const std::size_t cap = caps_[r];
    if (small_ && fits_below <= cap) continue;  // the plan of the rung above fits here as well
    if (!small_ && cap > budget_bytes && r + 1 < caps_.size() && caps_[r + 1] > budget_bytes) continue;
    const double bound = bound_.seconds(cap);
    hopeless = !small_ && best.feasible && bound * good_enough >= best.seconds;
    if (hopeless || (!small_ && search_.work() >= end)) break;
    const Outcome found = search_.at(cap, rung_work / share, bound * (small_ ? 1 + 1e-9 : good_enough)).outcome;
    if (found.feasible) fits_below = found.peak;
    works |= found.feasible && found.peak <= budget_bytes;
    take(found);
    if (!small_ && !found.feasible && best.feasible) break;  // there is nothing for even less memory
  }
  if (!works && !hopeless && !best.feasible) take(smallest());
  return best;
}

const Outcome& Ladder::smallest() {
  if (!smallest_known_) smallest_ = search_.smallest(ladder_work).outcome;
  smallest_known_ = true;
  if (!smallest_.feasible) smallest_.peak = model_.keep_peak;
  return smallest_;
}

}  // namespace tasuki::memory::planner
