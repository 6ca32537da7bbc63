#include "src/memory/planner/scheduler.hpp"

#include <algorithm>

namespace tasuki::memory::planner {

Scheduler::Scheduler(const StepModel& model, const Machine& machine) : model_(model), machine_(machine), simulator_(model, machine) {
  for (const Gap& gap : model.gaps) {
    const Absence whole{gap.from + 1, gap.wraps ? gap.until + model.launches : gap.until}, part = patient_absence(gap);
    whole_.push_back(whole);
    hidden_.push_back(part.first < part.last ? part : whole);
  }
}

bool Scheduler::tiers_have_room(const Choices& choices) const {
  if (machine_.host_bytes == SIZE_MAX) return true;
  std::size_t swapped = 0;
  int last = -1;
  for (std::size_t g = 0; g < choices.size(); ++g) {
    if (choices[g] != Choice::swap || model_.gaps[g].storage == last) continue;
    last = model_.gaps[g].storage;
    swapped += model_.gaps[g].bytes;
  }
  return swapped <= machine_.host_bytes || swapped - machine_.host_bytes <= machine_.file_bytes;
}

Scheduler::Absence Scheduler::patient_absence(const Gap& gap) const {
  const int launches = model_.launches, end = gap.wraps ? gap.until + launches : gap.until;
  const auto begin_of = [&](int k) { return k < launches ? model_.begin[static_cast<std::size_t>(k)] : model_.seconds + model_.begin[static_cast<std::size_t>(k - launches)]; };
  const bool clean = model_.storage(gap.storage).clean && model_.writers[gap.storage].empty();
  const double gone = model_.end[static_cast<std::size_t>(gap.from)] + (clean ? 0 : machine_.out.seconds(gap.bytes));
  Absence part{gap.from + 1, end};
  while (part.first < end && begin_of(part.first) < gone) ++part.first;
  if (!gap.is_last) {
    const double back = begin_of(end) - machine_.in.seconds(gap.bytes);
    while (part.last > part.first && begin_of(part.last) > back) --part.last;
  }
  return part;
}

void Scheduler::decide(const Choices& choices) {
  decisions_.clear();
  for (std::size_t g = 0; g < choices.size(); ++g) {
    if (choices[g] == Choice::keep) continue;
    const Gap& gap = model_.gaps[g];
    const bool swap = choices[g] == Choice::swap;
    const int launches = model_.launches;
    if (swap) {
      const Absence away = swapped_absence(g);
      decisions_.push_back({gap.storage, gap.from, gap.to, Move::swap, Tier::host, away.first % launches, gap.is_last ? gap.to : away.last % launches});
    } else {
      decisions_.push_back({gap.storage, gap.from, gap.to, Move::drop, Tier::device, (gap.from + 1) % launches, gap.to});
    }
  }
  assign_tiers();
  // At the same launch, what is needed first comes back first.
  std::sort(decisions_.begin(), decisions_.end(), [](const Decision& a, const Decision& b) { return a.to != b.to ? a.to < b.to : a.storage < b.storage; });
}

/// What rests longest goes to the file when the host has no room for everything.
void Scheduler::assign_tiers() {
  if (machine_.host_bytes == SIZE_MAX) return;
  std::vector<std::pair<int, int>> by_rest;  // of each storage, its longest gap
  for (const Decision& d : decisions_) {
    if (d.move != Move::swap) continue;
    const int rest = d.to > d.from ? d.to - d.from : d.to + model_.launches - d.from;
    if (!by_rest.empty() && by_rest.back().second == d.storage) by_rest.back().first = std::min(by_rest.back().first, rest);
    else by_rest.emplace_back(rest, d.storage);
  }
  std::sort(by_rest.begin(), by_rest.end());
  std::size_t held = 0;
  std::vector<bool> to_file(static_cast<std::size_t>(model_.storages));
  for (const auto& [rest, storage] : by_rest) {
    const std::size_t bytes = model_.bytes(storage);
    if (held + bytes > machine_.host_bytes) to_file[static_cast<std::size_t>(storage)] = true;
    else held += bytes;
  }
  for (Decision& d : decisions_)
    if (d.move == Move::swap && to_file[static_cast<std::size_t>(d.storage)]) d.tier = Tier::file;
}

const Simulation& Scheduler::least_memory(const Choices& choices) {
  decide(choices);
  return simulator_.adjust(decisions_, nullptr);
}

double Scheduler::begin_of(int unrolled) const {
  return unrolled < model_.launches ? begin_[static_cast<std::size_t>(unrolled)]
                                    : seconds_ + begin_[static_cast<std::size_t>(unrolled - model_.launches)];
}

/// A copy that an earlier departure of the same step left, or that was there when the step began, is still good.
bool Scheduler::leaves_for_free(const Decision& d) const {
  if (model_.writer_before(d.storage, d.from + 1) < 0 && model_.storage(d.storage).clean) return true;
  for (const Decision& other : decisions_) {
    if (other.storage != d.storage || other.move != Move::swap || &other == &d) continue;
    const bool wraps = other.to <= other.from;
    const int writer = model_.writer_before(d.storage, d.from + 1);
    if (wraps ? writer < 0 && d.to > d.from : other.from < d.from && writer <= other.from) return true;
  }
  return false;
}

/// Departures begin when their launch has run and take their turns; their bytes are free when the copy has ended, or when the room
/// is needed, whichever comes first.
void Scheduler::place_departures() {
  std::vector<Decision*> order;
  for (Decision& d : decisions_)
    if (d.move == Move::swap) order.push_back(&d);
  std::stable_sort(order.begin(), order.end(), [](const Decision* a, const Decision* b) { return a->from < b->from; });
  const int launches = model_.launches;
  std::vector<char> copied(static_cast<std::size_t>(model_.storages));
  for (const Decision* d : order) copied[static_cast<std::size_t>(d->storage)] += copied[static_cast<std::size_t>(d->storage)] < 2;
  double queue = 0;
  // Copies that began in the step before keep the link busy when this one begins; the second round knows them.
  for (const Decision* d : order) queue = std::max(queue, end_[static_cast<std::size_t>(d->from)]) + machine_.out.seconds(model_.bytes(d->storage));
  queue = std::max(0.0, queue - seconds_);
  struct Departure {
    Decision* decision;
    double gone;  ///< when its copy has ended
  };
  std::vector<Departure> copies;
  for (Decision* d : order) {
    const bool once = copied[static_cast<std::size_t>(d->storage)] < 2 && !model_.storage(d->storage).clean;
    if (!once && leaves_for_free(*d)) continue;
    queue = std::max(queue, end_[static_cast<std::size_t>(d->from)]) + machine_.out.seconds(model_.bytes(d->storage));
    copies.push_back({d, queue});
  }
  // What waits the least gets the room first: it is free again the sooner.
  const auto wait = [&](const Departure& c) { return c.gone - end_[static_cast<std::size_t>(c.decision->from)]; };
  std::stable_sort(copies.begin(), copies.end(), [&](const Departure& a, const Departure& b) { return wait(a) < wait(b); });
  for (const auto& [d, gone] : copies) {
    const std::int64_t bytes = static_cast<std::int64_t>(model_.bytes(d->storage));
    int freed = d->freed_before > d->from ? d->freed_before : d->freed_before + launches;
    int latest = d->issue_at > d->from ? d->issue_at : d->issue_at + launches;
    if (d->to == launches) latest = std::min(latest, model_.storage(d->storage).released_after);
    for (; freed < latest && begin_of(freed) < gone; ++freed) {
      std::int64_t& room = room_[static_cast<std::size_t>(freed % launches)];
      if (room < bytes) break;
      room -= bytes;
    }
    d->freed_before = freed % launches;
  }
}

/// Each begins as late as lets it, and all that are needed after it, end in time; what is needed first gets the room first. None goes
/// ahead of one that is needed sooner, unless it has ended before that one begins: the link takes its turns.
void Scheduler::place_arrivals() {
  const int launches = model_.launches;
  const auto due = [&](const Decision& d) { return d.issue_at > d.from ? d.issue_at : d.issue_at + launches; };
  const auto seconds = [&](const Decision& d) {
    const double in = machine_.in.seconds(model_.bytes(d.storage));
    return d.tier == Tier::file && machine_.host_bytes > 0 ? in + machine_.file_in.seconds(model_.bytes(d.storage)) : in;
  };
  struct Arrival {
    Decision* decision;
    double latest;  ///< begin, in the step that needs it
  };
  std::vector<Arrival> order;
  for (Decision& d : decisions_)
    if (d.move == Move::swap && d.issue_at < launches) order.push_back({&d, 0});
  std::stable_sort(order.begin(), order.end(), [](const Arrival& a, const Arrival& b) { return a.decision->issue_at < b.decision->issue_at; });
  double queue = seconds_;
  for (std::size_t i = order.size(); i-- > 0;) order[i].latest = queue = std::min(queue, begin_of(order[i].decision->issue_at)) - seconds(*order[i].decision);
  double before = -seconds_;  // when the one that is needed before begins
  for (const Arrival& a : order) {
    Decision& d = *a.decision;
    const std::int64_t bytes = static_cast<std::int64_t>(model_.bytes(d.storage));
    const int earliest = d.freed_before > d.from ? d.freed_before : d.freed_before + launches;
    int issue = due(d);
    const double began = issue >= launches ? seconds_ : 0;
    while (issue > earliest && begin_of(issue) - began > a.latest) {
      std::int64_t& room = room_[static_cast<std::size_t>((issue - 1) % launches)];
      if (room < bytes) break;
      if (const double at = begin_of(issue - 1) - began; at < before && at + seconds(d) > before) break;
      room -= bytes;
      --issue;
    }
    before = begin_of(issue) - began;
    d.issue_at = issue % launches;
  }
}

Outcome Scheduler::schedule(const Choices& choices, std::size_t cap) {
  Outcome best;
  const std::int64_t limit = static_cast<std::int64_t>(std::min<std::size_t>(cap, std::size_t{1} << 61));
  begin_ = model_.begin, end_ = model_.end, seconds_ = model_.seconds;
  reserve_.assign(static_cast<std::size_t>(model_.launches), 0);
  for (int round = 0; round < 4; ++round) {
    const Simulation& least = least_memory(choices);
    if (!least.possible || least.peak_bytes > cap) break;
    room_.resize(least.memory.size());
    for (std::size_t k = 0; k < room_.size(); ++k) room_[k] = std::max<std::int64_t>(0, limit - static_cast<std::int64_t>(least.memory[k]) - reserve_[k]);
    if (!simulator_.adjust(decisions_, &room_).possible) break;
    place_arrivals();
    place_departures();
    const Simulation& played = simulator_.play(decisions_, Simulator::Depth::time);
    if (!played.possible) break;
    Outcome now{played.peak_bytes <= cap, played.seconds, played.peak_bytes, {}};
    if (now.better_than(best)) {
      now.decisions = decisions_;
      best = std::move(now);
    }
    // Where it did not fit, leave room for what was not foreseen; else settle the copies by the times that came out.
    bool fits = true;
    for (std::size_t k = 0; k < room_.size(); ++k)
      if (played.memory[k] > cap) {
        reserve_[k] += static_cast<std::int64_t>(played.memory[k] - cap);
        fits = false;
      }
    const bool settled = std::abs(played.seconds - seconds_) <= 1e-3 * seconds_;
    begin_ = played.begin, end_ = played.end, seconds_ = played.seconds;
    if (fits && (settled || round >= 1)) break;
  }
  return best;
}

}  // namespace tasuki::memory::planner
