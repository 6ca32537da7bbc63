#include "src/memory/planner/greedy.hpp"

#include <algorithm>
#include <queue>

namespace tasuki::memory::planner {

Greedy::Greedy(const StepModel& model, const Machine& machine, Scheduler& scheduler, Allowed allowed)
    : model_(model), scheduler_(scheduler), allowed_(allowed), gains_(model.gaps.size()) {
  seen_.assign(static_cast<std::size_t>(model.launches), 0);
  for (std::size_t g = 0; g < gains_.size(); ++g) {
    const Gap& gap = model.gaps[g];
    const bool clean = model.storage(gap.storage).clean && model.writers[gap.storage].empty();
    gains_[g].copy_seconds = (clean ? 0 : machine.out.seconds(gap.bytes)) + machine.in.seconds(gap.bytes);
    if (!gap.droppable || !measure_replay(gap, gains_[g])) gains_[g].drop_bytes = 0;
  }
}

/// The replay if nothing else is dropped: the writer, and the makers of what the program has let go by then.
bool Greedy::measure_replay(const Gap& gap, Gain& gain) {
  ++stamp_;
  gain.drop_bytes = gap.bytes;
  const int writer = model_.writer_before(gap.storage, gap.from + 1);
  stack_.assign(1, writer);
  seen_[static_cast<std::size_t>(writer)] = stamp_;
  while (!stack_.empty()) {
    const int node = stack_.back();
    stack_.pop_back();
    gain.replay_seconds += model_.launch(node).seconds;
    for (int input : model_.inputs[node]) {
      if (model_.writer_before(input, gap.to) != model_.writer_before(input, node)) return false;
      const TraceStorage& s = model_.storage(input);
      const int maker = model_.writer_before(input, node);
      if (s.released_after > gap.from) {
        if (s.released_after >= gap.to) continue;
        if (s.bytes >= gain.drop_bytes) return false;  // would be held in its stead
        gain.drop_bytes -= s.bytes;
        continue;
      }
      if (maker < 0 || !model_.launch(maker).recorded || !model_.makes(maker, input)) return false;
      if (seen_[static_cast<std::size_t>(maker)] == stamp_) continue;
      seen_[static_cast<std::size_t>(maker)] = stamp_;
      stack_.push_back(maker);
    }
  }
  return true;
}

template <class F>
void Greedy::for_inner(const Gap& gap, F&& f) const {
  const auto visit = [&](int first, int last) {
    for (auto at = std::lower_bound(crowded_.begin(), crowded_.end(), first); at != crowded_.end() && *at <= last; ++at) f(static_cast<std::size_t>(*at));
  };
  if (!gap.wraps) return visit(gap.from + 1, gap.to - 1);
  visit(gap.from + 1, model_.launches - 1);
  visit(0, gap.to - 1);
}

double Greedy::relief(const Gap& gap, double bytes) const {
  double sum = 0;
  for_inner(gap, [&](std::size_t k) { sum += std::min(static_cast<float>(bytes), excess_[k]); });
  return sum;
}

void Greedy::take_off(const Gap& gap, double bytes) {
  for_inner(gap, [&](std::size_t k) { excess_[k] = std::max(0.0f, excess_[k] - static_cast<float>(bytes)); });
}

Choice Greedy::cheaper(std::size_t gap, double link_price, const std::vector<char>& banned) const {
  const bool drop = can_drop(gap) && !banned[gap], swap = can_swap(gap);
  if (drop && swap) return gains_[gap].replay_seconds <= link_price * gains_[gap].copy_seconds ? Choice::drop : Choice::swap;
  return drop ? Choice::drop : swap ? Choice::swap : Choice::keep;
}

/// Takes offers until no launch is crowded any more, by the estimate that what leaves is gone in the whole gap. A worth only falls
/// as others leave, so the best offer is found by looking again at the one that was best.
bool Greedy::ease(Choices& choices, double link_price) {
  const auto offer = [&](std::size_t g) {
    const Choice choice = cheaper(g, link_price, banned_);
    const Gain& gain = gains_[g];
    const bool drop = choice == Choice::drop;
    const double seconds = drop ? gain.replay_seconds : std::max(link_price, 1e-3) * gain.copy_seconds;
    return relief(model_.gaps[g], static_cast<double>(drop ? gain.drop_bytes : model_.gaps[g].bytes)) / (seconds + 1e-12);
  };
  std::priority_queue<Offer> offers;
  for (std::size_t g = 0; g < choices.size(); ++g) {
    if (choices[g] != Choice::keep || cheaper(g, link_price, banned_) == Choice::keep) continue;
    if (const double worth = offer(g); worth > 0) offers.push({worth, g});
  }
  bool took = false;
  std::size_t crowded = crowded_.size();
  while (!offers.empty() && crowded) {
    const Offer best = offers.top();
    offers.pop();
    const double worth = offer(best.gap);
    if (worth <= 0) continue;
    if (!offers.empty() && worth < offers.top().worth) {
      offers.push({worth, best.gap});
      continue;
    }
    choices[best.gap] = cheaper(best.gap, link_price, banned_);
    if (choices[best.gap] == Choice::swap && !scheduler_.tiers_have_room(choices)) {
      choices[best.gap] = can_drop(best.gap) && !banned_[best.gap] ? Choice::drop : Choice::keep;
      if (choices[best.gap] == Choice::keep) continue;
    }
    took = true;
    take_off(model_.gaps[best.gap], static_cast<double>(choices[best.gap] == Choice::drop ? gains_[best.gap].drop_bytes : model_.gaps[best.gap].bytes));
    crowded = 0;
    for (int k : crowded_) crowded_[crowded] = k, crowded += excess_[static_cast<std::size_t>(k)] > 0;
    crowded_.resize(crowded);
  }
  return took;
}

/// Where nothing more can leave, replays are what is in the way: the dearest one that comes back there is swapped instead, or kept.
bool Greedy::retract(Choices& choices, std::size_t cap) {
  const Simulation& least = scheduler_.least_memory(choices);
  if (!least.possible) return false;
  std::size_t worst = choices.size();
  for (std::size_t g = 0; g < choices.size(); ++g) {
    const Gap& gap = model_.gaps[g];
    if (choices[g] != Choice::drop || least.memory[static_cast<std::size_t>(gap.to)] <= cap) continue;
    if (worst == choices.size() || gap.bytes > model_.gaps[worst].bytes) worst = g;
  }
  if (worst == choices.size()) return false;
  banned_[worst] = true;
  choices[worst] = can_swap(worst) ? Choice::swap : Choice::keep;
  return true;
}

bool Greedy::fill(Choices& choices, std::size_t cap, double link_price) {
  banned_.assign(choices.size(), false);
  const int most_rounds = 60;
  for (int round = 0; round < most_rounds; ++round) {
    const Simulation& least = scheduler_.least_memory(choices);
    if (!least.possible) {
      const Decision* failed = scheduler_.simulator().failed_drop();
      if (!failed) return false;
      for (std::size_t g = 0; g < choices.size(); ++g)
        if (model_.gaps[g].storage == failed->storage && model_.gaps[g].from == failed->from) {
          banned_[g] = true;
          choices[g] = can_swap(g) ? Choice::swap : Choice::keep;
        }
      continue;
    }
    if (least.peak_bytes <= cap) return true;
    excess_.assign(least.memory.size(), 0);
    crowded_.clear();
    for (std::size_t k = 0; k < least.memory.size(); ++k)
      if (least.memory[k] > cap) {
        excess_[k] = static_cast<float>(least.memory[k] - cap);
        crowded_.push_back(static_cast<int>(k));
      }
    if (!ease(choices, link_price) && !retract(choices, cap)) return false;
  }
  return false;
}

}  // namespace tasuki::memory::planner
