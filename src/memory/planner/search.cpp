#include "src/memory/planner/search.hpp"

#include <algorithm>

namespace tasuki::memory::planner {

namespace {

// Work is counted, never timed, so that plans are the same on every machine. A step is one launch or decision that is played.
constexpr double ladder_steps = 3e6;    // for all rungs of a policy together
constexpr int rungs = 48;

}  // namespace

Ladder::Ladder(const StepModel& model, const Machine& machine, Policy policy, std::uint64_t seed, std::size_t budget_bytes)
    : model_(model), scheduler_(model, machine), greedy_(model, machine, scheduler_, allowed_by(policy)), allowed_(allowed_by(policy)), random_(seed) {
  if (allowed_.swap && allowed_.drop) prices_ = {0, 0.02, 0.06, 0.12, 0.22, 0.4, 0.8, 2, 1e9};
  else prices_ = {1};
  outcomes_.push_back(scheduler_.schedule(Choices(model.gaps.size(), Choice::keep), model.keep_peak));
  smallest_ = model.keep_peak;
  if (policy == Policy::keep || model.gaps.empty()) return;
  // Large steps are planned at the rungs next below the budget only.
  const bool large = static_cast<double>(model.launches + 2 * model.storages) * 60 * rungs > ladder_steps;
  const int most = large ? 3 : rungs;
  if (!large) find_smallest();
  const std::size_t span = model.keep_peak - model.floor;
  int planned = 0;
  for (int rung = rungs - 1; rung >= 0 && planned < most; --rung) {
    const std::size_t cap = model.floor + static_cast<std::size_t>(static_cast<double>(span) * rung / rungs);
    if (cap >= model.keep_peak || (large && cap > budget_bytes)) continue;
    random_ = seed + static_cast<std::uint64_t>(rung);
    ++planned;
    Rung best = plan_at(cap, false);
    if (best.outcome.feasible) outcomes_.push_back(std::move(best.outcome));
  }
  if (large && !best_within(budget_bytes).feasible) find_smallest();
}

std::uint64_t Ladder::random() {  // splitmix64
  std::uint64_t z = random_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

Outcome Ladder::best_within(std::size_t budget_bytes) const {
  Outcome best;
  for (const Outcome& o : outcomes_)
    if (o.feasible && o.peak <= budget_bytes && (!best.feasible || o.better_than(best))) best = o;
  return best;
}

void Ladder::find_smallest() {
  std::size_t low = model_.floor, high = model_.keep_peak;  // nothing below low works; high does
  const auto works = [&](std::size_t cap) {
    Rung rung = plan_at(cap, true);
    if (!rung.outcome.feasible) return false;
    outcomes_.push_back(std::move(rung.outcome));
    return true;
  };
  if (low >= high) return;
  if (works(low)) {
    high = outcomes_.back().peak;
  } else {
    while (high > low + std::max<std::size_t>(model_.keep_peak / 512, 1)) {
      const std::size_t middle = low + (high - low) / 2;
      if (works(middle)) high = std::min(middle, outcomes_.back().peak);
      else low = middle;
    }
  }
  smallest_ = high;
}

void Ladder::consider(Rung& best, Choices choices, std::size_t cap) {
  if (std::find(tried_.begin(), tried_.end(), choices) != tried_.end()) return;
  tried_.push_back(choices);
  Outcome outcome = scheduler_.schedule(choices, cap);
  if (!outcome.better_than(best.outcome)) return;
  best.outcome = std::move(outcome);
  best.choices = std::move(choices);
}

/// The greedy choices at several prices of the link, the best of them improved. Quick: only whether it works.
Ladder::Rung Ladder::plan_at(std::size_t cap, bool quick) {
  Rung best;
  tried_.clear();
  const std::size_t first = 0, last = prices_.size();
  for (std::size_t p = first; p < last; ++p) {
    // To find out whether anything works, the ends suffice: all swaps, all replays, and a mixture.
    if (quick && p != first && p + 1 != last && p != (first + last) / 2) continue;
    Choices choices(model_.gaps.size(), Choice::keep);
    if (!greedy_.fill(choices, cap, prices_[p])) continue;
    consider(best, std::move(choices), cap);
    if (quick && best.outcome.feasible) return best;
  }
  if (best.outcome.feasible && !quick) improve(best, cap);
  return best;
}

/// Undoes what the cap does not need, then tries other moves for gaps chosen at random.
void Ladder::improve(Rung& best, std::size_t cap) {
  const std::size_t gaps = model_.gaps.size();
  const double steps = static_cast<double>(model_.launches + 2 * model_.storages);
  const int tries = static_cast<int>(std::clamp(ladder_steps / rungs / steps / 4, 6.0, 60.0));
  std::vector<std::size_t> moving;
  for (int i = 0; i < tries && best.outcome.seconds > model_.seconds * (1 + 1e-9); ++i) {
    moving.clear();
    for (std::size_t g = 0; g < gaps; ++g)
      if (best.choices[g] != Choice::keep) moving.push_back(g);
    if (moving.empty()) return;
    Choices changed = best.choices;
    const std::size_t g = moving[random() % moving.size()];
    const Choice other = changed[g] == Choice::swap ? Choice::drop : Choice::swap;
    const bool possible = other == Choice::drop ? greedy_.can_drop(g) : greedy_.can_swap(g);
    switch (random() % 4) {
      case 0: changed[g] = Choice::keep; break;
      case 1:
      case 2:
        if (!possible) continue;
        changed[g] = other;
        break;
      case 3: {  // exchange with one that stays
        const std::size_t h = random() % gaps;
        if (changed[h] != Choice::keep || (!greedy_.can_drop(h) && !greedy_.can_swap(h))) continue;
        changed[g] = Choice::keep;
        changed[h] = greedy_.can_drop(h) && (!greedy_.can_swap(h) || random() % 2) ? Choice::drop : Choice::swap;
        break;
      }
    }
    if (scheduler_.tiers_have_room(changed)) consider(best, std::move(changed), cap);
  }
}

}  // namespace tasuki::memory::planner
