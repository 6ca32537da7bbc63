#include "src/runtime/interval_places.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

namespace tasuki {

namespace {

using Order = std::vector<std::size_t>;

/// Which of the gaps that have room.
enum class Gap { first, smallest };

/// Gives one interval after the other a place beside those that it meets: in a gap between them that has room, or behind them.
class Fit {
 public:
  Fit(const std::vector<Interval>& intervals, int length) : intervals_(intervals), length_(length), met_(intervals.size()) {
    for (std::size_t i = 0; i < intervals.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (meet(intervals[i], intervals[j])) {
          met_[i].push_back(static_cast<std::uint32_t>(j));
          met_[j].push_back(static_cast<std::uint32_t>(i));
        }
  }
  const std::vector<std::uint32_t>& met_by(std::size_t i) const { return met_[i]; }
  std::size_t bytes(std::size_t i) const { return intervals_[i].bytes; }

  /// Ends early where the result would be longer than `most`.
  IntervalPlaces place(const Order& order, Gap gap, std::size_t most) {
    IntervalPlaces result{std::vector<std::size_t>(intervals_.size(), no_place), 0};
    for (std::size_t done = 0; done < order.size() && result.bytes <= most; ++done) {
      const std::size_t mine = order[done];
      taken_.clear();
      for (const std::uint32_t other : met_[mine])
        if (const std::size_t at = result.offsets[other]; at != no_place) taken_.push_back({at, at + intervals_[other].bytes});
      std::sort(taken_.begin(), taken_.end());
      work_ += 1 + met_[mine].size();
      result.offsets[mine] = place_for(intervals_[mine].bytes, gap);
      result.bytes = std::max(result.bytes, result.offsets[mine] + intervals_[mine].bytes);
    }
    return result;
  }
  /// Looks so far, which are the same on every machine.
  std::size_t work() const { return work_; }

 private:
  static constexpr std::size_t no_place = SIZE_MAX;
  bool meet(const Interval& a, const Interval& b) const {
    const auto overlap = [&](int shift) { return a.begin + shift < b.end && b.begin < a.end + shift; };
    return overlap(0) || overlap(length_) || overlap(-length_);
  }
  std::size_t place_for(std::size_t bytes, Gap gap) const {
    std::size_t end = 0, best = no_place, best_room = SIZE_MAX;
    for (const auto& [taken, until] : taken_) {
      if (taken >= end + bytes && taken - end < best_room) {
        if (gap == Gap::first) return end;
        best = end;
        best_room = taken - end;
      }
      end = std::max(end, until);
    }
    return best == no_place ? end : best;
  }

  const std::vector<Interval>& intervals_;
  int length_;
  std::vector<std::vector<std::uint32_t>> met_;  // by interval, those that are in use at one time with it
  std::vector<std::pair<std::size_t, std::size_t>> taken_;
  std::size_t work_ = 0;
};

/// Shortens the range by other orders: what ends where the range does, or what it rests upon, comes earlier.
class Climb {
 public:
  Climb(Fit& fit, Gap gap, Order order) : fit_(&fit), gap_(gap), order_(std::move(order)), positions_(order_.size()), places_(fit.place(order_, gap, SIZE_MAX)) {}
  const IntervalPlaces& places() const { return places_; }

  void attempt() {
    for (std::size_t at = 0; at < order_.size(); ++at) positions_[order_[at]] = at;
    const auto ends_last = [&](std::size_t i) { return places_.offsets[i] + fit_->bytes(i) == places_.bytes; };
    std::size_t chosen = one_of(order_, ends_last);
    for (std::size_t steps = random(3); steps > 0; --steps) {
      const std::size_t below = one_of(fit_->met_by(chosen), [&](std::size_t i) { return places_.offsets[i] < places_.offsets[chosen]; });
      if (below == none) break;
      chosen = below;
    }
    const std::size_t from = positions_[chosen];
    if (from == 0) return;
    std::size_t to = random(from);
    if (random(2))
      if (const std::size_t before = one_of(fit_->met_by(chosen), [&](std::size_t i) { return positions_[i] < from; }); before != none) to = positions_[before];
    Order changed = order_;
    std::rotate(changed.begin() + static_cast<std::ptrdiff_t>(to), changed.begin() + static_cast<std::ptrdiff_t>(from), changed.begin() + static_cast<std::ptrdiff_t>(from) + 1);
    IntervalPlaces found = fit_->place(changed, gap_, places_.bytes);
    if (found.bytes > places_.bytes) return;  // one that is as short leads on
    places_ = std::move(found);
    order_ = std::move(changed);
  }

 private:
  static constexpr std::size_t none = SIZE_MAX;
  /// Any of those that fulfil a condition, or none.
  template <class List, class Condition>
  std::size_t one_of(const List& list, Condition fulfils) {
    std::size_t chosen = none, seen = 0;
    for (const std::size_t i : list)
      if (fulfils(i) && random(++seen) == 0) chosen = i;
    return chosen;
  }
  std::size_t random(std::size_t below) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((state_ >> 33) % below);
  }

  Fit* fit_;
  Gap gap_;
  Order order_;
  std::vector<std::size_t> positions_;  // in the order
  IntervalPlaces places_;
  std::uint64_t state_ = 0x9e3779b97f4a7c15u;
};

}  // namespace

std::vector<std::size_t> bytes_in_use(const std::vector<Interval>& intervals, int length) {
  std::vector<std::ptrdiff_t> change(static_cast<std::size_t>(length) + 1);
  for (const Interval& i : intervals) {
    const auto bytes = static_cast<std::ptrdiff_t>(i.bytes);
    change[static_cast<std::size_t>(i.begin)] += bytes;
    change[static_cast<std::size_t>(i.end > length ? i.end - length : i.end)] -= bytes;
    if (i.end > length) change[0] += bytes;
  }
  std::vector<std::size_t> in_use(static_cast<std::size_t>(length));
  std::ptrdiff_t sum = 0;
  for (std::size_t event = 0; event < in_use.size(); ++event) in_use[event] = static_cast<std::size_t>(sum += change[event]);
  return in_use;
}

IntervalPlaces place_intervals(const std::vector<Interval>& intervals, int length) {
  Fit fit(intervals, length);
  const std::vector<std::size_t> in_use = bytes_in_use(intervals, length);
  const std::size_t load = in_use.empty() ? 0 : *std::max_element(in_use.begin(), in_use.end());
  std::vector<Climb> climbs;
  const auto shorter = [](const Climb& a, const Climb& b) { return a.places().bytes < b.places().bytes; };
  const auto lasts = [&](std::size_t i) { return static_cast<double>(intervals[i].end - intervals[i].begin); };
  const auto bytes = [&](std::size_t i) { return static_cast<double>(intervals[i].bytes); };
  constexpr std::size_t most_work = 30'000'000, most_attempts = 500, good_orders = 4;
  const auto begin_with_most = [&](auto key) {
    if (!climbs.empty() && fit.work() > most_work) return;
    Order order(intervals.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<decltype(key(0))> keys;
    for (const std::size_t i : order) keys.push_back(key(i));
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return keys[a] > keys[b]; });
    for (const Gap gap : {Gap::first, Gap::smallest}) climbs.emplace_back(fit, gap, order);
  };
  begin_with_most([&](std::size_t i) { return std::pair(bytes(i), lasts(i)); });
  begin_with_most([&](std::size_t i) { return std::pair(lasts(i), bytes(i)); });
  begin_with_most([&](std::size_t i) { return std::pair(bytes(i) * lasts(i), bytes(i)); });
  begin_with_most([&](std::size_t i) { return std::pair(-static_cast<double>(intervals[i].begin), bytes(i)); });
  begin_with_most([&](std::size_t i) {
    std::size_t most = 0;
    for (int event = intervals[i].begin; event < intervals[i].end; ++event) most = std::max(most, in_use[static_cast<std::size_t>(event % length)]);
    return std::pair(most, intervals[i].bytes);
  });
  begin_with_most([&](std::size_t i) {
    std::size_t met = 0;
    for (const std::uint32_t other : fit.met_by(i)) met += intervals[other].bytes;
    return std::pair(met, intervals[i].bytes);
  });
  std::stable_sort(climbs.begin(), climbs.end(), shorter);

  // What is short of the best is mostly a matter of two or three large ones: orders near the good ones, in turns.
  const std::size_t end = fit.work() + most_work, count = std::min(good_orders, climbs.size());
  const auto best = [&] { return std::min_element(climbs.begin(), climbs.end(), shorter); };
  for (std::size_t k = 0; k < most_attempts && fit.work() < end && best()->places().bytes > load; ++k) climbs[k % count].attempt();
  return best()->places();
}

}  // namespace tasuki
