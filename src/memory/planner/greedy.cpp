#include "src/memory/planner/greedy.hpp"

#include <algorithm>
#include <queue>
#include <utility>

namespace tasuki::memory::planner {

Greedy::Greedy(const StepModel& model, const Machine& machine, Scheduler& scheduler, Allowed allowed)
    : model_(model), scheduler_(scheduler), allowed_(allowed), gains_(model.gaps.size()) {
  seen_.assign(static_cast<std::size_t>(model.launches), 0);
  for (std::size_t g = 0; g < gains_.size(); ++g) {
    const Gap& gap = model.gaps[g];
    const bool clean = model.storage(gap.storage).clean && model.writers[gap.storage].empty();
    gains_[g].out_seconds = clean ? 0 : machine.out.seconds(gap.bytes);
    gains_[g].in_seconds = gap.is_last ? 0 : machine.in.seconds(gap.bytes);
    gains_[g].copy_seconds = gains_[g].out_seconds + gains_[g].in_seconds;
    gains_[g].delay_seconds = machine.delay_per_byte * static_cast<double>(gap.bytes) * (!clean + !gap.is_last);
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
      if (model_.writer_before(input, gap.until) != model_.writer_before(input, node)) return false;
      const TraceStorage& s = model_.storage(input);
      const int maker = model_.writer_before(input, node);
      if (s.released_after > gap.from) {
        if (s.released_after + 1 >= gap.until) continue;
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
  if (gap.is_last) gain.replay_seconds = 0;
  return true;
}

Greedy::Span Greedy::span_of(const Scheduler::Absence& away) const {
  const auto at_or_after = [&](int launch) { return static_cast<std::size_t>(std::lower_bound(crowds_.begin(), crowds_.end(), launch, [](const Crowd& c, int k) { return c.first < k; }) - crowds_.begin()); };
  const auto all_before = [&](int launch) { return static_cast<std::size_t>(std::lower_bound(crowds_.begin(), crowds_.end(), launch, [](const Crowd& c, int k) { return c.last < k; }) - crowds_.begin()); };
  const int launches = model_.launches;
  const auto part = [&](int first, int last) {
    const std::size_t begin = at_or_after(first);
    return std::pair(begin, std::max(begin, all_before(last)));
  };
  if (away.last <= launches) return {part(away.first, away.last), {0, 0}};
  return {part(std::min(away.first, launches), launches), part(std::max(0, away.first - launches), away.last - launches)};
}

double Greedy::relief(const Span& span, double bytes) {
  constexpr std::size_t lanes = 8;
  float sums[lanes] = {};
  const auto most = static_cast<float>(bytes);
  for (const auto& [first, last] : {span.now, span.next}) {
    std::size_t i = first;
    for (; i + lanes <= last; i += lanes)
      for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += std::min(most, excess_[i + lane]);
    for (; i < last; ++i) sums[0] += std::min(most, excess_[i]);
    looks_ += last - first + 16;
  }
  double sum = 0;
  for (float s : sums) sum += s;
  return sum;
}

void Greedy::take_off(const Span& span, double bytes) {
  for (const auto& [first, last] : {span.now, span.next})
    for (std::size_t i = first; i < last; ++i) excess_[i] = std::max(0.0f, excess_[i] - static_cast<float>(bytes));
}

/// The first crowd from i on that is one still, or the number of all.
std::size_t Greedy::next_crowd(std::size_t i) {
  std::size_t found = i;
  while (found < excess_.size() && excess_[found] <= 0) found = next_[found];
  while (i < found) i = std::exchange(next_[i], found);
  return found;
}

/// The position after the last crowd before i that is one still, or 0.
std::size_t Greedy::crowd_before(std::size_t i) {
  std::size_t found = i;
  while (found > 0 && excess_[found - 1] <= 0) found = before_[found - 1];
  while (i > found) i = std::exchange(before_[i - 1], found);
  return found;
}

/// What remains of a gap's copies when they have the time from its first launch to the first crowded one, and from the last crowded
/// one to its last launch, to themselves.
double Greedy::exposed_seconds(std::size_t gap, const Span& span) {
  const Gap& g = model_.gaps[gap];
  const auto begin = [&](int k) { return model_.begin[static_cast<std::size_t>(k)]; };
  const auto end = [&](int k) { return model_.end[static_cast<std::size_t>(k)]; };
  double out_room = 0, in_room = 0;
  if (const std::size_t i = next_crowd(span.now.first); i < span.now.second) {
    out_room = begin(crowds_[i].first) - end(g.from);
  } else if (const std::size_t w = next_crowd(span.next.first); w < span.next.second) {
    out_room = model_.seconds - end(g.from) + begin(crowds_[w].first);
  }
  if (g.is_last) {
    in_room = 0;
  } else if (const std::size_t w = crowd_before(span.next.second); w > span.next.first) {
    in_room = begin(g.to) - end(crowds_[w - 1].last);
  } else if (const std::size_t i = crowd_before(span.now.second); i > span.now.first) {
    in_room = begin(g.to) - end(crowds_[i - 1].last) + (g.wraps ? model_.seconds : 0);
  }
  return std::max(0.0, gains_[gap].out_seconds - out_room) + std::max(0.0, gains_[gap].in_seconds - in_room);
}

/// The better way for a gap to leave, and its worth; none when it cannot, or would help nobody.
Greedy::Offer Greedy::offer(std::size_t gap, double link_price) {
  const Span &span = spans_[gap], &swap_span = swap_spans_[gap];
  const Gain& gain = gains_[gap];
  const bool drop = can_drop(gap) && !banned_[gap], swap = can_swap(gap);
  if (!drop && !swap) return {0, gap, Choice::keep};
  if (span.empty()) return {0, gap, Choice::keep};
  double seconds = gain.replay_seconds;
  Choice choice = Choice::drop;
  if (swap)
    if (const double copies = std::max(link_price, 1e-3) * gain.copy_seconds + gain.delay_seconds + exposed_seconds(gap, swap_span); !drop || link_price == 0 || copies < seconds) {
      seconds = copies;
      choice = Choice::swap;
    }
  const double helped = choice == Choice::drop ? relief(span, static_cast<double>(gain.drop_bytes)) : relief(swap_span, static_cast<double>(model_.gaps[gap].bytes));
  return {helped / (seconds + 1e-12), gap, helped > 0 ? choice : Choice::keep};
}

/// Takes offers until no launch is crowded any more, by the estimate that what leaves is gone in the whole gap. A worth only falls
/// as others leave, so the best offer is found by looking again at the one that was best.
bool Greedy::ease(Choices& choices, double link_price) {
  spans_.resize(choices.size());
  swap_spans_.resize(choices.size());
  std::vector<Offer> first_offers;
  for (std::size_t g = 0; g < choices.size(); ++g) {
    if (choices[g] != Choice::keep) continue;
    spans_[g] = span_of(scheduler_.dropped_absence(g));
    swap_spans_[g] = span_of(scheduler_.swapped_absence(g));
    if (const Offer made = offer(g, link_price); made.choice != Choice::keep) first_offers.push_back(made);
  }
  std::priority_queue<Offer> offers({}, std::move(first_offers));
  bool took = false;
  std::size_t since_look = 0;
  while (!offers.empty()) {
    const std::size_t gap = offers.top().gap;
    offers.pop();
    Offer best = offer(gap, link_price);
    if (best.choice == Choice::keep) continue;
    if (!offers.empty() && best.worth < offers.top().worth) {
      offers.push(best);
      continue;
    }
    choices[gap] = best.choice;
    if (best.choice == Choice::swap && !scheduler_.tiers_have_room(choices)) {
      choices[gap] = can_drop(gap) && !banned_[gap] ? Choice::drop : Choice::keep;
      if (choices[gap] == Choice::keep) continue;
    }
    took = true;
    if (choices[gap] == Choice::drop) take_off(spans_[gap], static_cast<double>(gains_[gap].drop_bytes));
    else take_off(swap_spans_[gap], static_cast<double>(model_.gaps[gap].bytes));
    if (++since_look % 8 == 0 && std::none_of(excess_.begin(), excess_.end(), [](float e) { return e > 0; })) break;
  }
  return took;
}

void Greedy::undo(Choices& choices, std::size_t cap, double link_price) {
  const Simulation& least = scheduler_.least_memory(choices);
  if (!least.possible) return;
  std::vector<std::int64_t> room(least.memory.size());
  for (std::size_t k = 0; k < room.size(); ++k) room[k] = static_cast<std::int64_t>(cap) - static_cast<std::int64_t>(least.memory[k]);
  std::vector<Offer> moving;
  for (std::size_t g = 0; g < choices.size(); ++g)
    if (choices[g] != Choice::keep) {
      const double seconds = choices[g] == Choice::drop ? gains_[g].replay_seconds : link_price * gains_[g].copy_seconds + gains_[g].delay_seconds;
      moving.push_back({seconds / static_cast<double>(model_.gaps[g].bytes), g, choices[g]});
    }
  std::sort(moving.begin(), moving.end(), [](const Offer& a, const Offer& b) { return b < a; });
  for (const Offer& m : moving) {
    const Scheduler::Absence& away = choices[m.gap] == Choice::drop ? scheduler_.dropped_absence(m.gap) : scheduler_.swapped_absence(m.gap);
    const auto bytes = static_cast<std::int64_t>(model_.gaps[m.gap].bytes);
    const auto inner = [&](auto&& each) {
      for (int k = away.first; k < away.last; ++k)
        if (!each(room[static_cast<std::size_t>(k % model_.launches)])) return false;
      return true;
    };
    looks_ += static_cast<std::uint64_t>(model_.launches);
    if (!inner([&](std::int64_t& r) { return r >= bytes; })) continue;
    inner([&](std::int64_t& r) { return r -= bytes, true; });
    choices[m.gap] = Choice::keep;
  }
}

/// Where nothing more can leave, replays are what is in the way: the dearest one that comes back there is swapped instead, or kept.
bool Greedy::retract(Choices& choices, std::size_t cap) {
  const Simulation& least = scheduler_.least_memory(choices);
  if (!least.possible) return false;
  std::size_t worst = choices.size();
  for (std::size_t g = 0; g < choices.size(); ++g) {
    const Gap& gap = model_.gaps[g];
    if (choices[g] != Choice::drop || gap.is_last || least.memory[static_cast<std::size_t>(gap.to)] <= cap) continue;
    if (worst == choices.size() || gap.bytes > model_.gaps[worst].bytes) worst = g;
  }
  if (worst == choices.size()) return false;
  banned_[worst] = true;
  choices[worst] = can_swap(worst) ? Choice::swap : Choice::keep;
  return true;
}

void Greedy::note_crowded(const std::vector<std::size_t>& memory, std::size_t cap) {
  constexpr std::size_t most_crowds = 256;  // what they hide is left to the next round
  const auto crowded = static_cast<std::size_t>(std::count_if(memory.begin(), memory.end(), [&](std::size_t m) { return m > cap; }));
  const std::size_t together = crowded / most_crowds + 1;
  excess_.clear();
  crowds_.clear();
  std::size_t seen = 0;
  for (std::size_t k = 0; k < memory.size(); ++k) {
    if (memory[k] <= cap) continue;
    if (seen++ % together == 0) {
      crowds_.push_back({static_cast<int>(k), 0});
      excess_.push_back(0);
    }
    crowds_.back().last = static_cast<int>(k);
    excess_.back() = std::max(excess_.back(), static_cast<float>(memory[k] - cap));
  }
  next_.resize(excess_.size());
  before_.resize(excess_.size());
  for (std::size_t i = 0; i < excess_.size(); ++i) next_[i] = i + 1, before_[i] = i;
}

bool Greedy::fill(Choices& choices, std::size_t cap, double link_price) {
  banned_ = inputs_;
  banned_.resize(choices.size(), false);
  const int most_rounds = 16;
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
    note_crowded(least.memory, cap);
    if (!ease(choices, link_price) && !retract(choices, cap)) return false;
  }
  return false;
}

}  // namespace tasuki::memory::planner
