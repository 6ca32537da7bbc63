#include "src/memory/planner/links.hpp"

#include <algorithm>
#include <limits>

namespace tasuki::memory::planner {

namespace {
constexpr double never = std::numeric_limits<double>::infinity();
}

Links::Links(const Machine& machine) : links_{machine.out, machine.in, machine.file_out, machine.file_in}, duplex_(machine.duplex) {}

void Links::clear() {
  for (State& s : states_) {
    s.waiting.clear();
    s.head = 0;
    s.running = -1;
  }
  copies_.clear();
  now_ = 0;
}

int Links::add(Queue queue, double ready, int after, std::size_t bytes) {
  const int copy = static_cast<int>(copies_.size());
  copies_.push_back({ready, links_[queue].seconds(bytes), after});
  states_[queue].waiting.push_back(copy);
  return copy;
}

void Links::start_what_can() {
  for (State& s : states_) {
    if (s.running >= 0 || s.head == s.waiting.size()) continue;
    Copy& c = copies_[static_cast<std::size_t>(s.waiting[s.head])];
    if (c.ready > now_ || (c.after >= 0 && copies_[static_cast<std::size_t>(c.after)].end < 0)) continue;
    s.running = s.waiting[s.head++];
    c.begin = s.since = now_;
    s.left = c.work;
    s.speed = 1;
  }
  set_speeds();
}

void Links::set_speeds() {
  const double speed = states_[out].running >= 0 && states_[in].running >= 0 ? duplex_ : 1;
  for (const Queue q : {out, in}) {
    State& s = states_[q];
    if (s.running < 0 || s.speed == speed) continue;
    s.left -= (now_ - s.since) * s.speed;
    s.since = now_;
    s.speed = speed;
  }
}

double Links::next_event() const {
  double next = never;
  for (const State& s : states_) {
    if (s.running >= 0) {
      next = std::min(next, s.ends());
    } else if (s.head != s.waiting.size()) {
      const Copy& c = copies_[static_cast<std::size_t>(s.waiting[s.head])];
      // One that waits for another copy is looked at again when that one ends.
      if (c.after < 0 || copies_[static_cast<std::size_t>(c.after)].end >= 0) next = std::min(next, std::max(now_, c.ready));
    }
  }
  return next;
}

double Links::finish(int copy) {
  const auto wanted = static_cast<std::size_t>(copy);
  while (copies_[wanted].end < 0) {
    start_what_can();
    now_ = std::max(now_, next_event());
    for (State& s : states_) {
      if (s.running < 0 || s.ends() > now_) continue;
      copies_[static_cast<std::size_t>(s.running)].end = now_;
      s.running = -1;
    }
    set_speeds();
  }
  return copies_[wanted].end;
}

}  // namespace tasuki::memory::planner
