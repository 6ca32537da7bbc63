#include "src/memory/signatures.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tasuki::memory {

// ---- durations

void LaunchTimings::add(const RecordedStep& step) {
  seconds_.resize(step.launches.size() * kept);
  for (std::size_t k = 0; k < step.launches.size(); ++k) seconds_[k * kept + count_ % kept] = step.launches[k].seconds;
  ++count_;
}

double LaunchTimings::median(std::size_t launch) const {
  double sorted[kept];
  const std::size_t n = std::min(count_, kept);
  std::fill(std::copy_n(&seconds_[launch * kept], n, sorted), sorted + kept, HUGE_VAL);
  std::sort(sorted, sorted + kept);
  return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double Signature::pace(const RecordedStep& step) const {
  std::vector<std::pair<double, double>> ratios;  // and the seconds that had it
  double sum = 0;
  for (std::size_t k = 0; k < std::min(planned_seconds.size(), step.launches.size()); ++k) {
    if (!(planned_seconds[k] > 0)) continue;
    ratios.emplace_back(step.launches[k].seconds / planned_seconds[k], planned_seconds[k]);
    sum += planned_seconds[k];
  }
  std::sort(ratios.begin(), ratios.end());
  double below = 0;
  for (const auto& [ratio, seconds] : ratios)
    if ((below += seconds) >= sum / 2) return ratio;
  return 1;
}

bool Signature::durations_moved() const {
  double planned = 0, moved = 0;
  for (std::size_t k = 0; k < planned_seconds.size(); ++k) {
    planned += planned_seconds[k];
    moved += std::fabs(trace.launches[k].seconds - planned_seconds[k]);
  }
  return moved > 0.2 * planned;
}

/// Less is worth another plan when it is a good deal less. A little more, such as the losses that a program collects, is no reason:
/// where the budget has no room for it, a step has to evict, and that is one.
bool Signature::base_moved() const {
  return plan && (trace.base_bytes > planned_base + plan->budget_bytes / 64 || trace.base_bytes < planned_base - planned_base / 8);
}

// ---- what a plan has decided so far

namespace {

/// One thing that a plan does.
enum class Act : std::uint64_t { depart, let_go, bring_back };

std::uint64_t fingerprint(Act act, const Decision& d, std::uint64_t salt) {
  std::uint64_t h = salt;
  for (const std::uint64_t word : {static_cast<std::uint64_t>(act), static_cast<std::uint64_t>(d.move), static_cast<std::uint64_t>(d.tier),
                                   static_cast<std::uint64_t>(d.storage)}) {
    h = (h ^ word) * 0x9fb21c651e98df25u;
    h ^= h >> 31;
  }
  return h;
}

/// For each launch, a hash of what the plan does before it: a sum, since acts at one place have no order. Up to its first use a label
/// means nothing to another step, so that an act on it is like no act of another plan.
std::vector<std::uint64_t> hash_decisions(const Signature& signature) {
  const std::size_t count = signature.hashes.size();
  std::vector<std::size_t> known_from(signature.trace.storages.size(), count);
  for (std::size_t k = count; k-- > 0;) {
    const TraceLaunch& launch = signature.trace.launches[k];
    for (const int s : launch.reads) known_from[static_cast<std::size_t>(s)] = k + 1;
    for (const int s : launch.writes) known_from[static_cast<std::size_t>(s)] = k + 1;
  }
  std::vector<std::uint64_t> change(count + 1, 0);
  const auto act = [&](Act what, const Decision& d, int before) {
    const auto k = static_cast<std::size_t>(std::clamp(before, 0, static_cast<int>(count)));
    const std::size_t known = known_from[static_cast<std::size_t>(d.storage)];
    change[k] += fingerprint(what, d, k < known ? signature.id : 0);
    if (k < known) change[known] += fingerprint(what, d, 0) - fingerprint(what, d, signature.id);
  };
  for (const Decision& d : signature.plan->decisions) {
    act(Act::depart, d, d.from + 1);
    if (d.move == Move::swap) act(Act::let_go, d, d.freed_before);
    act(Act::bring_back, d, d.issue_at);
  }
  std::uint64_t sum = 0;
  for (std::uint64_t& c : change) c = sum += c;
  return change;
}

}  // namespace

bool Signatures::same_decisions(const Signature& a, const Signature& b, std::size_t launch) const {
  return a.plan && b.plan && a.decisions[launch] == b.decisions[launch];
}

void Signatures::set_plan(Signature& signature, Plan plan) {
  signature.plan = std::move(plan);
  signature.planned_revision = signature.revision;
  signature.planned_base = signature.trace.base_bytes;
  signature.planned_seconds.clear();
  for (const TraceLaunch& l : signature.trace.launches) signature.planned_seconds.push_back(l.seconds);
  signature.decisions = hash_decisions(signature);
}

// ---- the step under way

void Signatures::begin() {
  launch_ = 0;
  active_ = nullptr;
  std::uint64_t best = 0;
  if (previous_)
    for (const Signature::Successor& s : previous_->successors)
      if (s.count > best)
        if (Signature* known = find(s.id)) {
          active_ = known;
          best = s.count;
        }
  if (!active_) active_ = previous_;
  if (active_) return;
  for (const auto& s : all_)
    if (s->runs > best) {
      active_ = s.get();
      best = s->runs;
    }
}

Signatures::Course Signatures::advance(std::uint64_t hash) {
  const std::size_t k = launch_++;
  const auto passes = [&](const Signature& s) { return k < s.hashes.size() && s.hashes[k] == hash; };
  if (active_ && passes(*active_)) return Course::followed;
  if (!active_ && k > 0) return Course::unknown;
  // Of those that begin like this: one that can go on rather than one that cannot, then the commonest.
  Signature* best = nullptr;
  bool goes_on = false;
  for (const auto& s : all_) {
    if (!passes(*s)) continue;
    const bool same = active_ && same_decisions(*active_, *s, k);
    if (!best || same > goes_on || (same == goes_on && s->runs > best->runs)) {
      best = s.get();
      goes_on = same;
    }
  }
  active_ = best;
  return !best ? Course::unknown : goes_on ? Course::changed : Course::late;
}

// ---- the step that ended

Signature* Signatures::find(std::uint64_t id) const {
  for (const auto& s : all_)
    if (s->id == id) return s.get();
  return nullptr;
}

Signature& Signatures::make_place() {
  if (all_.size() < most_) return *all_.emplace_back(std::make_unique<Signature>());
  const auto older = [](const auto& a, const auto& b) {
    return std::pair(a->runs > 1, a->last_run) < std::pair(b->runs > 1, b->last_run);
  };
  const auto oldest = std::min_element(all_.begin(), all_.end(), older);
  const std::uint64_t id = (*oldest)->id;
  for (const auto& s : all_) std::erase_if(s->successors, [&](const Signature::Successor& next) { return next.id == id; });
  if (previous_ == oldest->get()) previous_ = nullptr;
  **oldest = Signature();
  std::rotate(oldest, oldest + 1, all_.end());
  return *all_.back();
}

Signature& Signatures::remember(const RecordedStep& step) {
  Signature& s = make_place();
  s.id = step.hash;
  for (const RecordedStep::Launch& l : step.launches) s.hashes.push_back(l.hash);
  return s;
}

void Signatures::learn(Signature& signature, const RecordedStep& step, Device device) {
  Trace& trace = signature.trace;
  if (signature.runs == 2) {
    trace = trace_of(step, device);
    ++signature.revision;
  } else {
    // A plan must hold for every run: what lived longer once may do so again.
    trace.base_bytes = step.base_bytes;
    bool grew = signature.base_moved();
    for (std::size_t i = 0; i < trace.storages.size(); ++i) {
      TraceStorage& known = trace.storages[i];
      const RecordedStep::Stored& seen = step.storages[i];
      const bool at_end = known.at_end || seen.outlives_step();
      const int released_after = seen.released_after < 0 ? static_cast<int>(trace.launches.size()) - 1 : seen.released_after;
      if (at_end == known.at_end && released_after <= known.released_after) continue;
      known.at_end = at_end;
      known.released_after = std::max(known.released_after, released_after);
      grew = true;
    }
    signature.revision += grew;
  }
  for (std::size_t k = 0; k < trace.launches.size(); ++k) trace.launches[k].seconds = signature.timings.median(k);
  // Looked at after 3, 7, 15, ... timings: a machine that is never quiet must not plan for ever.
  const std::size_t count = signature.timings.count();
  if (count >= 3 && (count & (count + 1)) == 0 && signature.durations_moved()) ++signature.revision;
}

Signature* Signatures::end(const RecordedStep& step, Device device) {
  ++steps_;
  active_ = nullptr;
  if (!step.complete || step.launches.empty()) {
    previous_ = nullptr;
    return nullptr;
  }
  Signature* known = find(step.hash);
  const bool is_new = !known;
  if (is_new) known = &remember(step);
  known->last_run = steps_;
  ++known->runs;
  known->storages.clear();
  for (const RecordedStep::Stored& s : step.storages) known->storages.push_back(s.handle);
  known->timings.add(step);
  if (known->has_trace()) learn(*known, step, device);
  if (previous_) {
    auto& next = previous_->successors;
    const auto it = std::find_if(next.begin(), next.end(), [&](const Signature::Successor& s) { return s.id == known->id; });
    if (it != next.end()) ++it->count;
    else next.push_back({known->id, 1});
  }
  previous_ = known;
  return known;
}

void Signatures::forget() {
  all_.clear();
  active_ = previous_ = nullptr;
  launch_ = 0;
  steps_ = 0;
}

}  // namespace tasuki::memory
