// How the simulator drops, and runs again what made it.
#include <algorithm>
#include <utility>

#include "src/memory/planner/simulator.hpp"

namespace tasuki::memory::planner {

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
  std::vector<int> free;
  for (const Held& h : held_) {
    if (h.by != storage) {
      held_[kept++] = h;
      continue;
    }
    Stored& s = of(h.storage);
    if (--s.held == 0 && s.let_go && s.state != State::absent) free.push_back(h.storage);
  }
  held_.resize(kept);
  for (int source : free) release(source);
}

/// What is dropped for good would have to be made again first. Where a replay follows, it finds out by itself.
bool Simulator::may_write(int storage, int k) {
  for (const Held& h : held_) {
    if (h.storage != storage || !is_last(decision(of(h.by).decision))) continue;
    failed_drop_ = of(h.by).decision;
    return fail(k, name(k), " writes storage ", storage, ", from which storage ", h.by, " would be made again");
  }
  return true;
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
  if (is_last(decision(d))) return false;
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
