#include "src/memory/planner/simulator.hpp"

#include <algorithm>

#include "src/memory/byte_text.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::memory::planner {

Simulator::Simulator(const StepModel& model, const Machine& machine) : model_(model), machine_(machine), links_(machine) {
  const auto launches = static_cast<std::size_t>(model.launches), storages = static_cast<std::size_t>(model.storages);
  stored_.resize(storages);
  seen_source_.assign(storages, 0);
  seen_launch_.assign(launches, 0);
  free_.resize(launches);
  issue_.resize(launches);
  leave_.resize(launches);
}

std::string Simulator::name(int k) const { return tasuki::detail::concat({"launch ", k, " (", model_.launch(k).op, ")"}); }

const Simulation& Simulator::play(const std::vector<Decision>& decisions, Depth depth) {
  copy_ = decisions;
  decisions_ = &copy_;
  room_ = nullptr;
  adjusting_ = false;
  timed_ = depth != Depth::memory;
  detailed_ = depth == Depth::details;
  return run();
}

const Simulation& Simulator::adjust(std::vector<Decision>& decisions, std::vector<std::int64_t>* room) {
  decisions_ = &decisions;
  room_ = room;
  adjusting_ = true;
  timed_ = detailed_ = false;
  return run();
}

const Simulation& Simulator::run() {
  const auto launches = static_cast<std::size_t>(model_.launches);
  result_.possible = false;
  result_.reason.clear();
  result_.blocked_launch = result_.peak_launch = failed_drop_ = -1;
  result_.memory.assign(launches, 0);
  result_.begin.assign(timed_ ? launches : 0, 0);
  result_.end.assign(timed_ ? launches : 0, 0);
  result_.copies.clear();
  result_.replays.clear();
  result_.keep_seconds = model_.seconds;
  links_.clear();
  clock_ = 0;
  if (!sort_decisions()) return result_;
  bool wraps = false;
  for (const Decision& d : *decisions_) wraps |= d.to <= d.from;
  // The first pass over wrapping gaps finds the state in which a step ends; from then on, steps are alike but for their waits.
  const int passes = !wraps ? 1 : timed_ ? 3 : 2;
  for (int pass = 0; pass < passes; ++pass) {
    counting_ = pass + 1 == passes;
    begin_pass(pass == 0);
    work_ += static_cast<std::uint64_t>(model_.launches) + 2 * decisions_->size();
    for (int k = 0; k < model_.launches; ++k) {
      if (!before(k) || !launch(k) || !after(k)) return result_;
      if (too_slow()) return result_;
      if (counting_) result_.memory[static_cast<std::size_t>(k)] = most_bytes_;
    }
    end_pass();
  }
  result_.peak_bytes = model_.start_bytes;
  if (launches) {
    const auto peak = std::max_element(result_.memory.begin(), result_.memory.end());
    result_.peak_bytes = *peak;
    result_.peak_launch = static_cast<int>(peak - result_.memory.begin());
  }
  for (auto& [number, c] : copies_) {
    c.end = links_.finish(number) - pass_began_;
    c.begin = links_.begin_of(number) - pass_began_;
    result_.copies.push_back(c);
  }
  result_.possible = true;
  return result_;
}

/// By the launches at which something happens; what happens at the same launch keeps the plan's order.
bool Simulator::sort_decisions() {
  for (auto* lists : {&free_, &issue_, &leave_})
    for (auto& list : *lists) list.clear();
  const int launches = model_.launches;
  for (std::size_t i = 0; i < decisions_->size(); ++i) {
    const Decision& d = (*decisions_)[i];
    const int number = static_cast<int>(i);
    const auto inside = [&](int k) { return k >= 0 && k < launches; };
    if (d.storage < 0 || d.storage >= model_.storages) return fail(-1, "decision ", number, " is about storage ", d.storage, " of ", model_.storages);
    if (!inside(d.from) || (!inside(d.to) && !is_last(d)) || (!inside(d.issue_at) && !(is_last(d) && d.issue_at == d.to)) || (d.move == Move::swap && !inside(d.freed_before)))
      return fail(-1, "decision ", number, " names a launch that the trace does not have");
    const Lists::Range uses = model_.uses[d.storage];
    const int* at = std::lower_bound(uses.begin(), uses.end(), d.from);
    const bool known = at != uses.end() && *at == d.from;
    const bool wraps = d.to <= d.from;
    const TraceStorage& s = model_.storage(d.storage);
    const bool ends = known && at + 1 == uses.end(), lasts = s.at_start && s.at_end;
    if (is_last(d) ? !ends || lasts : !known || (wraps ? !ends || d.to != uses.front() || !lasts : ends || at[1] != d.to))
      return fail(d.from, "launches ", d.from, " and ", d.to, " are not consecutive uses of storage ", d.storage);
    const int to = unrolled(d, d.to), issue = unrolled(d, d.issue_at), freed = d.move == Move::swap ? unrolled(d, d.freed_before) : d.from + 1;
    if (freed > issue || issue > to)
      return fail(d.from, "storage ", d.storage, " leaves after launch ", d.from, " and is used by ", d.to, ", but would be free before ", d.freed_before,
                  " and come back before ", d.issue_at);
    if (is_last(d) && (freed > s.released_after || (issue != to && issue > s.released_after)))
      return fail(d.from, "storage ", d.storage, " would leave or come back after the program has let it go after launch ", s.released_after);
    if (d.move == Move::drop && (wraps || (is_last(d) && s.at_end))) return fail(d.from, "storage ", d.storage, " cannot be dropped over the end of the step: the tape is gone by then");
    if (d.move == Move::swap && d.tier == Tier::device) return fail(d.from, "storage ", d.storage, " would be swapped to the device itself");
    leave_[static_cast<std::size_t>(d.from)].push_back(number);
    if (inside(d.issue_at)) issue_[static_cast<std::size_t>(d.issue_at)].push_back(number);
    if (d.move == Move::swap) free_[static_cast<std::size_t>(d.freed_before)].push_back(number);
  }
  return true;
}

void Simulator::begin_pass(bool first) {
  if (first) {
    now_bytes_ = model_.start_bytes;
    host_ = file_ = 0;
    result_.host_bytes = result_.file_bytes = 0;
    for (int s = 0; s < model_.storages; ++s) {
      const TraceStorage& t = model_.storage(s);
      const Tier below = machine_.host_bytes > 0 ? Tier::host : Tier::file;  // where a clean storage's copy is
      of(s) = {t.at_start ? State::resident : State::absent, t.clean ? below : Tier::device, false, false, 0, -1, -1, -1, -1, -1};
    }
  }
  held_.clear();
  for (int s = 0; s < model_.storages; ++s) {
    Stored& now = of(s);
    now.writer = -1;
    now.let_go = false;
    if (!first && model_.storage(s).at_start && !model_.storage(s).at_end) {  // each step has its own
      now.state = State::resident;
      grow(model_.bytes(s));
    }
  }
  pass_began_ = clock_;
  result_.exposed_seconds = result_.replay_seconds = 0;
  result_.bytes_out = result_.bytes_in = result_.bytes_dropped = 0;
  copies_.clear();
}

void Simulator::end_pass() {
  result_.seconds = clock_ - pass_began_;
  for (int s = 0; s < model_.storages; ++s)
    if (model_.storage(s).at_end && !model_.storage(s).at_start && of(s).state != State::absent) release(s);
}

void Simulator::grow(std::size_t bytes) {
  now_bytes_ += bytes;
  most_bytes_ = std::max(most_bytes_, now_bytes_);
}

void Simulator::wait_for(int copy) {
  const double end = links_.finish(copy);
  if (end <= clock_) return;
  result_.exposed_seconds += end - clock_;
  clock_ = end;
}

bool Simulator::before(int k) {
  const auto i = static_cast<std::size_t>(k);
  for (int d : free_[i]) {
    Stored& s = of(decision(d).storage);
    if (s.state != State::leaving || s.decision != d) continue;  // free since its departure, or not yet in the steady state
    if (timed_) wait_for(s.leaving);
    s.leaving = -1;
    s.state = State::away;
    shrink(model_.bytes(decision(d).storage));
  }
  most_bytes_ = now_bytes_;
  // By index: adjusting moves the issue of later decisions to this launch.
  for (std::size_t n = 0; n < issue_[i].size(); ++n)
    if (const int d = issue_[i][n]; decision(d).move == Move::swap) arrive(d);
  std::vector<int>& due = issue_[i];
  const auto is_drop = [&](int d) { return decision(d).move == Move::drop; };
  if (std::any_of(due.begin(), due.end(), is_drop)) {
    std::vector<int> drops;
    for (int d : due)
      if (is_drop(d)) drops.push_back(d);
    const auto writer = [&](int d) { return model_.writer_before(decision(d).storage, decision(d).from + 1); };
    std::stable_sort(drops.begin(), drops.end(), [&](int a, int b) { return writer(a) < writer(b); });
    for (int d : drops)
      if (of(decision(d).storage).state == State::dropped && (!replay(d, k) || too_slow())) return false;
  }
  return true;
}

bool Simulator::launch(int k) {
  for (int s : model_.born[k]) {
    of(s).state = State::resident;
    grow(model_.bytes(s));
  }
  const TraceLaunch& l = model_.launch(k);
  for (int s : model_.operands[k]) {
    Stored& now = of(s);
    if (now.state != State::resident) {
      static constexpr const char* states[] = {"not there", "there", "leaving", "away", "dropped"};
      return fail(k, name(k), " uses storage ", s, ", which is ", states[static_cast<int>(now.state)]);
    }
    if (now.coming < 0) continue;
    if (timed_) wait_for(now.coming);
    now.coming = -1;
  }
  most_bytes_ = std::max(most_bytes_, now_bytes_ + l.workspace);
  if (timed_) {
    result_.begin[static_cast<std::size_t>(k)] = clock_ - pass_began_;
    clock_ += l.seconds;
    result_.end[static_cast<std::size_t>(k)] = clock_ - pass_began_;
  }
  for (int s : l.writes) {
    if (of(s).held && !may_write(s, k)) return false;
    of(s).writer = k;
    forget_copy(of(s), model_.bytes(s));
  }
  return true;
}

/// The program has let it go, and so has every replay.
void Simulator::release(int storage) {
  Stored& s = of(storage);
  if (s.state == State::dropped) let_sources_go(storage);
  if (s.state == State::resident || s.state == State::leaving) shrink(model_.bytes(storage));
  forget_copy(s, model_.bytes(storage));
  s.state = State::absent;
}

bool Simulator::after(int k) {
  for (int s : model_.released[k]) {
    of(s).let_go = true;
    if (!of(s).held) release(s);
  }
  for (const Move move : {Move::swap, Move::drop})
    for (int d : leave_[static_cast<std::size_t>(k)])
      if (decision(d).move == move && !(move == Move::swap ? depart(d, k) : drop(d, k))) return false;
  return true;
}

}  // namespace tasuki::memory::planner
