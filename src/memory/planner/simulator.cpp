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

template <class... Pieces>
bool Simulator::fail(int k, const Pieces&... pieces) {
  result_.blocked_launch = k;
  if (!adjusting_) result_.reason = tasuki::detail::concat({pieces...});
  return false;
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
    if (!inside(d.from) || !inside(d.to) || !inside(d.issue_at) || (d.move == Move::swap && !inside(d.freed_before)))
      return fail(-1, "decision ", number, " names a launch that the trace does not have");
    const Lists::Range uses = model_.uses[d.storage];
    const int* at = std::lower_bound(uses.begin(), uses.end(), d.from);
    const bool known = at != uses.end() && *at == d.from;
    const bool wraps = d.to <= d.from;
    const TraceStorage& s = model_.storage(d.storage);
    if (!known || (wraps ? at + 1 != uses.end() || d.to != uses.front() || !s.at_start || !s.at_end : at + 1 == uses.end() || at[1] != d.to))
      return fail(d.from, "launches ", d.from, " and ", d.to, " are not consecutive uses of storage ", d.storage);
    const int to = unrolled(d, d.to), issue = unrolled(d, d.issue_at), freed = d.move == Move::swap ? unrolled(d, d.freed_before) : d.from + 1;
    if (freed > issue || issue > to)
      return fail(d.from, "storage ", d.storage, " leaves after launch ", d.from, " and is used by ", d.to, ", but would be free before ", d.freed_before,
                  " and come back before ", d.issue_at);
    if (d.move == Move::drop && wraps) return fail(d.from, "storage ", d.storage, " cannot be dropped over the end of the step: the tape is gone by then");
    if (d.move == Move::swap && d.tier == Tier::device) return fail(d.from, "storage ", d.storage, " would be swapped to the device itself");
    leave_[static_cast<std::size_t>(d.from)].push_back(number);
    issue_[static_cast<std::size_t>(d.issue_at)].push_back(number);
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
    if (model_.storage(s).at_end && !model_.storage(s).at_start && of(s).state != State::absent) {
      forget_copy(of(s), model_.bytes(s));
      of(s).state = State::absent;
      shrink(model_.bytes(s));
    }
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
    of(s).writer = k;
    forget_copy(of(s), model_.bytes(s));
  }
  return true;
}

bool Simulator::after(int k) {
  for (int s : model_.released[k]) {
    Stored& now = of(s);
    forget_copy(now, model_.bytes(s));
    now.let_go = true;
    if (now.held) continue;
    shrink(model_.bytes(s));
    now.state = State::absent;
  }
  for (const Move move : {Move::swap, Move::drop})
    for (int d : leave_[static_cast<std::size_t>(k)])
      if (decision(d).move == move && !(move == Move::swap ? depart(d, k) : drop(d, k))) return false;
  return true;
}

// ---- swaps

void Simulator::forget_copy(Stored& s, std::size_t bytes) {
  if (s.counted) (s.copy == Tier::host ? host_ : file_) -= bytes;
  s.copy = Tier::device;
  s.counted = false;
  s.filed = -1;
}

bool Simulator::depart(int d, int k) {
  const Decision& what = decision(d);
  Stored& s = of(what.storage);
  const std::size_t bytes = model_.bytes(what.storage);
  const bool has_copy = s.copy != Tier::device;
  s.decision = d;
  if (!has_copy) s.copy = what.tier;
  if (!s.counted) {
    std::size_t& held = s.copy == Tier::host ? host_ : file_;
    const std::size_t limit = s.copy == Tier::host ? machine_.host_bytes : machine_.file_bytes;
    if (bytes > limit || held > limit - bytes)
      return fail(k, "storage ", what.storage, " of ", byte_text(bytes), " has no room in the ", s.copy == Tier::host ? "host" : "file", " tier, which holds ",
                  byte_text(held), " of ", byte_text(limit));
    held += bytes;
    s.counted = true;
    result_.host_bytes = std::max(result_.host_bytes, host_);
    result_.file_bytes = std::max(result_.file_bytes, file_);
  }
  if (has_copy) {  // leaves for free
    s.state = State::away;
    shrink(bytes);
    return true;
  }
  s.state = State::leaving;
  result_.bytes_out += bytes;
  if (timed_) {
    s.leaving = links_.add(Links::out, clock_, -1, bytes);
    const bool passes_host = s.copy == Tier::file && has_host_tier();
    if (detailed_ && counting_) copies_.push_back({s.leaving, {what.storage, Tier::device, passes_host ? Tier::host : s.copy, 0, 0}});
    s.filed = passes_host ? links_.add(Links::file_out, clock_, s.leaving, bytes) : s.leaving;
    if (detailed_ && counting_ && s.filed != s.leaving) copies_.push_back({s.filed, {what.storage, Tier::host, Tier::file, 0, 0}});
  }
  return true;
}

void Simulator::arrive(int d) {
  const Decision& what = decision(d);
  Stored& s = of(what.storage);
  if (s.state != State::away || s.decision != d) return;
  const std::size_t bytes = model_.bytes(what.storage);
  s.state = State::resident;
  result_.bytes_in += bytes;
  grow(bytes);
  if (!timed_) return;
  int ready = s.filed;
  const bool passes_host = s.copy == Tier::file && has_host_tier();
  if (passes_host) {
    ready = links_.add(Links::file_in, clock_, ready, bytes);
    if (detailed_ && counting_) copies_.push_back({ready, {what.storage, Tier::file, Tier::host, 0, 0}});
  }
  s.coming = links_.add(Links::in, clock_, ready, bytes);
  if (detailed_ && counting_) copies_.push_back({s.coming, {what.storage, passes_host ? Tier::host : s.copy, Tier::device, 0, 0}});
}

// ---- drops

bool Simulator::is_due(int d, int k) const { return unrolled(decision(d), decision(d).issue_at) <= unrolled(decision(d), k); }

bool Simulator::drop(int d, int k) {
  const int storage = decision(d).storage;
  failed_drop_ = d;
  if (!find_chain(storage, k + 1, true)) return false;
  failed_drop_ = -1;
  Stored& s = of(storage);
  s.state = State::dropped;
  s.decision = d;
  result_.bytes_dropped += model_.bytes(storage);
  shrink(model_.bytes(storage));
  for (int source : sources_) {
    held_.push_back({storage, source});
    ++of(source).held;
  }
  return true;
}

void Simulator::let_sources_go(int storage) {
  std::size_t kept = 0;
  for (const Held& h : held_) {
    if (h.by != storage) {
      held_[kept++] = h;
      continue;
    }
    Stored& s = of(h.storage);
    if (--s.held == 0 && s.let_go && s.state != State::absent) {
      if (s.state == State::resident) shrink(model_.bytes(h.storage));
      s.state = State::absent;
    }
  }
  held_.resize(kept);
}

/// The launches that must run again to make a storage, in their order (chain_), and the storages from which they start
/// (sources_). `before`: the launch ahead of which that is.
bool Simulator::find_chain(int storage, int before, bool dropping) {
  chain_.clear();
  sources_.clear();
  stack_.clear();
  ++stamp_;
  const int target = of(storage).writer;
  if (target < 0 || !model_.launch(target).recorded || !model_.makes(target, storage))
    return fail(before, "storage ", storage, " cannot be dropped: ",
                target < 0 ? std::string("nothing in this step has written it")
                           : tasuki::detail::concat({"its writer, ", name(target), model_.makes(target, storage) ? ", is not on the tape" : ", changes it in place"}));
  seen_launch_[static_cast<std::size_t>(target)] = stamp_;
  stack_.push_back(target);
  while (!stack_.empty()) {
    const int node = stack_.back();
    stack_.pop_back();
    chain_.push_back(node);
    for (int input : model_.inputs[node])
      if (!add_input(input, node, before, dropping)) return false;
  }
  std::sort(chain_.begin(), chain_.end());
  return true;
}

bool Simulator::add_input(int input, int reader, int before, bool dropping) {
  Stored& s = of(input);
  const int writer = model_.writer_before(input, reader);
  if (s.writer != writer)
    return fail(before, name(reader), " cannot run again before launch ", before, ": its input, storage ", input, ", was overwritten by ", name(s.writer));
  const bool there = s.state == State::resident || s.state == State::leaving || s.state == State::away;
  if (there) {
    if (seen_source_[static_cast<std::size_t>(input)] == stamp_) return true;
    seen_source_[static_cast<std::size_t>(input)] = stamp_;
    sources_.push_back(input);
    if (dropping || s.state != State::away) return true;
    if (!adjusting_) return fail(before, name(reader), " runs again before launch ", before, ", but its input, storage ", input, ", is away");
    decision(s.decision).issue_at = before;
    arrive(s.decision);
    return true;
  }
  if (writer < 0 || !model_.launch(writer).recorded || !model_.makes(writer, input))
    return fail(before, name(reader), " cannot run again before launch ", before, ": its input, storage ", input, ", is gone and cannot be made again");
  if (seen_launch_[static_cast<std::size_t>(writer)] != stamp_) {
    seen_launch_[static_cast<std::size_t>(writer)] = stamp_;
    stack_.push_back(writer);
  }
  return true;
}

/// While adjusting: whether a storage that a replay passes before launch k may stay from now on.
bool Simulator::may_stay(int d, int k) {
  if (!adjusting_ || !room_) return false;
  const std::int64_t bytes = static_cast<std::int64_t>(model_.bytes(decision(d).storage));
  std::vector<std::int64_t>& room = *room_;
  for (int j = k; j < decision(d).to; ++j)
    if (room[static_cast<std::size_t>(j)] < bytes) return false;
  for (int j = k; j < decision(d).to; ++j) room[static_cast<std::size_t>(j)] -= bytes;
  decision(d).issue_at = k;
  return true;
}

bool Simulator::replay(int target, int k) {
  failed_drop_ = target;
  if (!find_chain(decision(target).storage, k, false)) return false;
  failed_drop_ = -1;
  const std::vector<int> chain = chain_, sources = sources_;
  work_ += 2 * chain.size();
  for (int source : sources)
    if (int& coming = of(source).coming; coming >= 0) {
      if (timed_) wait_for(coming);
      coming = -1;
    }
  // Nodes go when the last node that reads from them has run, at the earliest after the next one.
  temporaries_.clear();
  std::vector<int> last(chain.size());
  for (std::size_t n = 0; n < chain.size(); ++n) {
    last[n] = static_cast<int>(n) + 1;
    for (int input : model_.inputs[chain[n]]) {
      const int writer = model_.writer_before(input, chain[n]);
      const auto at = std::lower_bound(chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(n), writer);
      if (at != chain.begin() + static_cast<std::ptrdiff_t>(n) && *at == writer) last[static_cast<std::size_t>(at - chain.begin())] = std::max(last[static_cast<std::size_t>(at - chain.begin())], static_cast<int>(n));
    }
  }
  for (std::size_t n = 0; n < chain.size(); ++n) {
    const int node = chain[n];
    std::vector<int> filled;
    std::size_t made = 0;
    for (int output : model_.outputs[node]) {
      Stored& s = of(output);
      const bool in_place = s.state == State::dropped && s.writer == node && (s.decision == target || is_due(s.decision, k) || may_stay(s.decision, k));
      grow(model_.bytes(output));
      if (in_place) {
        s.state = State::resident;
        filled.push_back(output);
      } else {
        made += model_.bytes(output);
      }
    }
    temporaries_.push_back({node, made, last[n]});
    most_bytes_ = std::max(most_bytes_, now_bytes_ + model_.launch(node).workspace);
    if (timed_) {
      if (detailed_ && counting_) result_.replays.push_back({node, k, clock_ - pass_began_, clock_ - pass_began_ + model_.launch(node).seconds});
      clock_ += model_.launch(node).seconds;
    }
    result_.replay_seconds += model_.launch(node).seconds;
    for (Temporary& t : temporaries_)
      if (t.last == static_cast<int>(n)) shrink(std::exchange(t.bytes, 0));
    for (int output : filled) let_sources_go(output);
  }
  for (const Temporary& t : temporaries_) shrink(t.bytes);
  return true;
}

}  // namespace tasuki::memory::planner
