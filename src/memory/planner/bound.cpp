#include <algorithm>

#include "src/memory/planner/bound.hpp"
#include "src/memory/planner/replay_rates.hpp"
#include "src/memory/planner/scheduler.hpp"
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory {

namespace planner {

/// Bytes under fewer constraints go first, which is the best for all of them together.
double Swappable::most(double before, double after, double out_rate, double in_rate, double& fresh) const {
  double out_room = out_rate * before, in_room = in_rate * after, out_all = out_rate * (before + after), in_all = in_rate * (before + after), sum = 0;
  static constexpr unsigned order[] = {for_good, for_good | dirty, for_good | out_before | dirty, 0, in_after, dirty, in_after | dirty, out_before | dirty, out_before | in_after | dirty};
  for (const unsigned kind : order) {
    double take = bytes[kind];
    if (!(kind & for_good)) take = std::min(take, in_all);
    if (kind & dirty) take = std::min(take, out_all);
    if (kind & out_before) take = std::min(take, out_room);
    if (kind & in_after) take = std::min(take, in_room);
    if (kind & dirty) out_all -= take;
    if (kind & out_before) out_room -= take;
    if (kind & in_after) in_room -= take;
    if (!(kind & for_good)) in_all -= take;
    sum += take;
    fresh = take;  // the last kind: what this step has made
  }
  return sum;
}

namespace {

/// What can leave at launch k.
struct Crowd {
  Crowd(const StepModel& model, int launch) : k(launch) {
    for (const Gap& gap : model.gaps) {
      if (!gap.holds(k)) continue;
      inside.push_back(gap);
      if (gap.droppable && !gap.is_last) droppable.push_back(gap);
    }
  }
  int k;
  std::vector<Gap> inside, droppable;
};

Swappable swappable(const StepModel& model, const Crowd& crowd, int cut, bool may_drop) {
  Swappable found;
  for (const Gap& gap : crowd.inside) {
    const TraceStorage& s = model.storage(gap.storage);
    const Lists::Range writers = model.writers[gap.storage];
    unsigned kind = 0;
    if (s.at_start) {
      if (!writers.empty()) kind |= Swappable::dirty;
      // The copy is of what the last launch before this one wrote, in this step or the one before.
      if (!writers.empty() && model.writer_before(gap.storage, crowd.k) < 0 && writers.back() >= cut) kind |= Swappable::out_before;
    } else {
      kind |= Swappable::dirty | Swappable::out_before;
    }
    if (gap.is_last) kind = gap.droppable && may_drop ? Swappable::for_good : kind | Swappable::for_good;
    else if ((gap.wraps ? crowd.k < gap.to : true) && gap.to <= cut) kind |= Swappable::in_after;
    if ((kind & Swappable::out_before) && !(kind & Swappable::dirty)) kind &= ~Swappable::out_before;
    found.bytes[kind] += static_cast<double>(gap.bytes);
  }
  return found;
}

/// As allowed.
Swappable leaving(const StepModel& model, const Crowd& crowd, int cut, Allowed allowed) {
  Swappable found = swappable(model, crowd, cut, allowed.drop);
  if (!allowed.swap)
    for (unsigned kind = 0; kind < Swappable::kinds; ++kind)
      if (kind != Swappable::for_good) found.bytes[kind] = 0;
  return found;
}

/// The least seconds of a step in which so many bytes are away at the crowded launch, and at least `bound`.
double least_seconds(const StepModel& model, const Machine& machine, const Swappable& swaps, const ReplayRates& replays, int k, int cut, double away, double bound) {
  const double between = (cut < model.launches ? model.begin[static_cast<std::size_t>(cut)] : model.seconds) - model.begin[static_cast<std::size_t>(k)];
  const double rest = model.seconds - between;
  const double fresh_bytes = swaps.bytes[Swappable::out_before | Swappable::in_after | Swappable::dirty];
  const auto most_in = [&](double seconds) {
    const auto with = [&](double before) {
      double fresh = 0;
      const double swapped = swaps.most(before, seconds - before, machine.out.bytes_per_s, machine.in.bytes_per_s, fresh);
      return swapped + std::min(replays.bytes_in(seconds - before - between), std::max(0.0, std::max(fresh_bytes, replays.bytes()) - fresh));
    };
    double low = rest, high = seconds - between;  // concave in between
    for (int i = 0; i < 60 && high - low > 1e-7 * seconds; ++i) {
      const double a = low + (high - low) / 3, b = high - (high - low) / 3;
      if (with(a) >= with(b)) high = b;
      else low = a;
    }
    return with((low + high) / 2);
  };
  const double enough = away * (1 - 1e-4);
  if (most_in(bound) >= enough) return bound;
  double high = 2 * bound;
  while (most_in(high) < enough)
    if ((high *= 2) > 1e6 * bound) return bound;  // it cannot fit; that is not for a bound of time to say
  for (int i = 0; i < 40 && high > bound * (1 + 1e-5); ++i) {
    const double middle = (bound + high) / 2;
    (most_in(middle) >= enough ? high : bound) = middle;
  }
  return bound;
}

/// Some launches, the most crowded first: a bound at any of them holds.
std::vector<int> sample(const std::vector<std::size_t>& memory, int count) {
  const int launches = static_cast<int>(memory.size()), stride = std::max(1, launches / count);
  std::vector<int> chosen;
  for (int k = 0; k < launches; k += stride) chosen.push_back(k);
  chosen.push_back(static_cast<int>(std::max_element(memory.begin(), memory.end()) - memory.begin()));
  std::stable_sort(chosen.begin(), chosen.end(), [&](int a, int b) { return memory[static_cast<std::size_t>(a)] > memory[static_cast<std::size_t>(b)]; });
  return chosen;
}

}  // namespace

Bound::Bound(const StepModel& model, const Machine& machine, Allowed allowed, int launches) : model_(model), machine_(machine) {
  Scheduler scheduler(model, machine);
  const std::vector<std::size_t> memory = scheduler.least_memory(Choices(model.gaps.size(), Choice::keep)).memory;
  int last_backward = model.launches - 1;
  for (int k = 0; k < model.launches; ++k)
    if (model.launch(k).phase == LaunchPhase::backward) last_backward = k;
  for (int k : sample(memory, launches)) {
    Crowd crowd(model, k);
    if (!allowed.drop) crowd.droppable.clear();
    int last_needed = k + 1;
    for (const Gap& gap : crowd.droppable) last_needed = std::max(last_needed, gap.to);
    points_.push_back({k, memory[static_cast<std::size_t>(k)], ReplayRates(model, k, crowd.droppable), {}});
    // With cuts where the program ends the step, where its last backward launch has run, and where nothing more is replayed.
    for (const int cut : {model.launches, last_backward + 1, last_needed})
      if (cut >= last_needed && cut <= model.launches) points_.back().cuts.push_back({cut, leaving(model, crowd, cut, allowed)});
  }
}

double Bound::seconds(std::size_t budget_bytes) const {
  double bound = model_.seconds;
  for (const Point& point : points_)
    for (const Cut& cut : point.cuts)
      if (point.memory > budget_bytes) bound = least_seconds(model_, machine_, cut.swaps, point.replays, point.launch, cut.launch, static_cast<double>(point.memory - budget_bytes), bound);
  return bound * (1 - 1e-9);
}

}  // namespace planner

double lower_bound(const Trace& trace, const Machine& machine, std::size_t budget_bytes) {
  const planner::StepModel model(trace);
  return planner::Bound(model, machine, {true, true}, 96).seconds(budget_bytes);
}

}  // namespace tasuki::memory
