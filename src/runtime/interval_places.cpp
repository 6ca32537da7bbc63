#include "src/runtime/interval_places.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

namespace tasuki {

namespace {

class FirstFit {
 public:
  FirstFit(const std::vector<Interval>& intervals, int length) : intervals_(intervals), length_(length) {}

  /// Ends early, with more bytes than `bound`, where the result would be no shorter.
  IntervalPlaces place(const std::vector<std::size_t>& order, std::size_t bound) {
    IntervalPlaces result{std::vector<std::size_t>(intervals_.size()), 0};
    for (std::size_t done = 0; done < order.size() && result.bytes < bound; ++done) {
      const Interval& mine = intervals_[order[done]];
      taken_.clear();
      for (std::size_t i = 0; i < done; ++i)
        if (const Interval& other = intervals_[order[i]]; meet(mine, other)) taken_.push_back({result.offsets[order[i]], result.offsets[order[i]] + other.bytes});
      std::sort(taken_.begin(), taken_.end());
      std::size_t at = 0;
      for (const auto& [begin, end] : taken_) {
        if (begin >= at + mine.bytes) break;
        at = std::max(at, end);
      }
      result.offsets[order[done]] = at;
      result.bytes = std::max(result.bytes, at + mine.bytes);
    }
    return result;
  }

 private:
  bool meet(const Interval& a, const Interval& b) const {
    const auto overlap = [&](int shift) { return a.begin + shift < b.end && b.begin < a.end + shift; };
    return overlap(0) || overlap(length_) || overlap(-length_);
  }

  const std::vector<Interval>& intervals_;
  int length_;
  std::vector<std::pair<std::size_t, std::size_t>> taken_;
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
  const std::size_t count = intervals.size();
  std::vector<std::size_t> order(count);
  FirstFit fit(intervals, length);
  const std::vector<std::size_t> in_use = bytes_in_use(intervals, length);
  const std::size_t load = in_use.empty() ? 0 : *std::max_element(in_use.begin(), in_use.end());
  IntervalPlaces best{{}, SIZE_MAX};
  std::vector<std::size_t> best_order;
  const auto attempt = [&] {
    IntervalPlaces found = fit.place(order, best.bytes);
    if (found.bytes >= best.bytes) return;
    best = std::move(found);
    best_order = order;
  };
  const auto lasts = [&](std::size_t i) { return static_cast<double>(intervals[i].end - intervals[i].begin); };
  const auto bytes = [&](std::size_t i) { return static_cast<double>(intervals[i].bytes); };
  const auto by = [&](auto key) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
    if (best.bytes > load) attempt();
  };
  by([&](std::size_t i) { return std::pair(bytes(i), lasts(i)); });
  by([&](std::size_t i) { return std::pair(lasts(i), bytes(i)); });
  by([&](std::size_t i) { return std::pair(bytes(i) * lasts(i), bytes(i)); });
  by([&](std::size_t i) { return std::pair(-static_cast<double>(intervals[i].begin), bytes(i)); });

  // What is short of the best is mostly a matter of two or three large ones: orders near the best.
  constexpr std::size_t most_work = 20'000'000, most_attempts = 500;
  const std::size_t attempts = count < 3 ? 0 : std::min(most_attempts, most_work / (count * count));
  std::uint64_t state = 0x9e3779b97f4a7c15u;
  const auto random = [&](std::size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((state >> 33) % below);
  };
  for (std::size_t k = 0; k < attempts && best.bytes > load; ++k) {
    order = best_order;
    for (std::size_t swaps = 1 + random(3); swaps > 0; --swaps) {
      const std::size_t from = random(std::min<std::size_t>(count, 4 + count / 4)), to = random(count);
      const std::size_t moved = order[to];
      order.erase(order.begin() + static_cast<std::ptrdiff_t>(to));
      order.insert(order.begin() + static_cast<std::ptrdiff_t>(from), moved);
    }
    attempt();
  }
  return best;
}

}  // namespace tasuki
