// How the simulator swaps.
#include "src/memory/byte_text.hpp"
#include "src/memory/planner/simulator.hpp"

namespace tasuki::memory::planner {

void Simulator::forget_copy(Stored& s, std::size_t bytes) {
  if (s.counted) (s.copy == Tier::host ? host_ : file_) -= bytes;
  s.copy = Tier::device;
  s.counted = false;
  s.filed = -1;
}

void Simulator::delay_by(std::size_t copied_bytes) {
  const double seconds = machine_.delay_per_byte * static_cast<double>(copied_bytes);
  result_.exposed_seconds += seconds;
  clock_ += seconds;
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
    delay_by(bytes);
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
  delay_by(bytes);
}

}  // namespace tasuki::memory::planner
