#include "src/memory/planner/replay_rates.hpp"

#include <algorithm>
#include <utility>

namespace tasuki::memory::planner {

ReplayRates::ReplayRates(const StepModel& model, int k, const std::vector<Gap>& droppable)
    : model_(model), k_(k), demand_(static_cast<std::size_t>(model.launches)), readers_(static_cast<std::size_t>(model.storages)), reached_(static_cast<std::size_t>(model.launches)) {
  for (const Gap& gap : droppable) {
    const int writer = model.writer_before(gap.storage, gap.from + 1);
    demand_[static_cast<std::size_t>(writer)] += static_cast<double>(gap.bytes);
    reach(writer);
  }
  std::vector<double> rates(static_cast<std::size_t>(model.launches), -1);
  for (const Gap& gap : droppable) {
    const int writer = model.writer_before(gap.storage, gap.from + 1);
    double& rate = rates[static_cast<std::size_t>(writer)];
    if (rate < 0) rate = least_rate(writer);
    offers_.push_back({rate, static_cast<double>(gap.bytes), 0, 0});
  }
  std::sort(offers_.begin(), offers_.end(), [](const Offer& a, const Offer& b) { return a.rate < b.rate; });
  double seconds = 0;
  for (Offer& o : offers_) {
    o.seconds_to = seconds;
    o.bytes_to = bytes_;
    seconds += o.rate * o.bytes;
    bytes_ += o.bytes;
  }
}

bool ReplayRates::gone(int storage) const { return !model_.storage(storage).at_end && model_.storage(storage).released_after < k_; }

/// Counts who would need what: from a launch that runs again to the makers of what it reads and is gone.
void ReplayRates::reach(int launch) {
  std::vector<int> stack{launch};
  while (!stack.empty()) {
    const int node = stack.back();
    stack.pop_back();
    if (std::exchange(reached_[static_cast<std::size_t>(node)], true)) continue;
    for (int input : model_.inputs[node]) {
      if (!gone(input)) continue;
      ++readers_[static_cast<std::size_t>(input)];
      const int maker = model_.writer_before(input, node);
      if (maker < 0 || !model_.launch(maker).recorded || !model_.makes(maker, input)) continue;
      demand_[static_cast<std::size_t>(maker)] += static_cast<double>(model_.bytes(input));
      stack.push_back(maker);
    }
  }
}

/// A launch and what it needs, where a byte that is held instead costs what a byte that is dropped saves.
double ReplayRates::seconds_of(int launch, double rate) {
  double seconds = model_.launch(launch).seconds;
  for (int input : model_.inputs[launch]) {
    if (!gone(input)) continue;
    const double bytes = static_cast<double>(model_.bytes(input));
    double least = rate * bytes / readers_[static_cast<std::size_t>(input)];
    const int maker = model_.writer_before(input, launch);
    if (maker >= 0 && model_.launch(maker).recorded && model_.makes(maker, input))
      if (const double demand = demand_[static_cast<std::size_t>(maker)]; model_.launch(maker).seconds * bytes < least * demand)
        least = std::min(least, seconds_of(maker, rate) * bytes / demand);
    seconds += least;
  }
  return seconds;
}

double ReplayRates::least_rate(int launch) {
  const double bytes = demand_[static_cast<std::size_t>(launch)];
  double low = model_.launch(launch).seconds / bytes, high = low;
  // What is saved at some rate grows at least as fast with it as what is held.
  while (seconds_of(launch, high) > high * bytes && high < 1) high = 2 * high + 1e-15;
  for (int i = 0; i < 30 && high > low * (1 + 1e-6); ++i) {
    const double middle = (low + high) / 2;
    (seconds_of(launch, middle) > middle * bytes ? low : high) = middle;
  }
  return low;
}

double ReplayRates::bytes_in(double seconds) const {
  const auto above = std::upper_bound(offers_.begin(), offers_.end(), seconds, [](double s, const Offer& o) { return s < o.seconds_to; });
  if (above == offers_.begin()) return 0;
  const Offer& o = above[-1];
  return o.bytes_to + (o.rate * o.bytes <= seconds - o.seconds_to ? o.bytes : (seconds - o.seconds_to) / o.rate);
}

}  // namespace tasuki::memory::planner
