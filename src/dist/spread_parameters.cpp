#include "src/dist/spread_parameters.hpp"

#include <algorithm>
#include <cstring>

#include "src/memory/manager.hpp"
#include "src/runtime/pins.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::dist {

namespace {

memory::Manager& manager_of(const Arena& arena) { return memory::Manager::of(arena.runtime().device()); }

}  // namespace

bool SpreadParameters::State::is_held() const {
  return std::any_of(parameters.begin(), parameters.end(), [](const Storage* s) { return s->is_held(); });
}

SpreadParameters* SpreadParameters::make(const World& world, std::vector<Range> ranges) {
  auto* const spread = new SpreadParameters(world);
  spread->ranges_.reserve(ranges.size());
  for (Range& r : ranges) spread->ranges_.emplace_back(*spread, std::move(r));
  try {
    for (State& range : spread->ranges_) spread->take_over(range);
  } catch (...) {
    spread->end();
    if (spread->storages_ == 0) delete spread;
    throw;
  }
  return spread;
}

void SpreadParameters::take_over(State& range) {
  memory::Manager& manager = manager_of(*range.arena);
  {
    Pins pins;  // of one range at a time, since a budget may have room for no more
    for (Storage* s : range.parameters) pins.add(*s);
    write_back(range);
    manager.count_kept(static_cast<std::ptrdiff_t>(range.bytes));
    range.has_memory = true;
    for (Storage* s : range.parameters) {
      manager.entrust(*s, range);
      ++storages_;
    }
  }
  let_go(range);
}

void SpreadParameters::end() {
  for (State& r : ranges_) r.gathering.settle();
  ended_ = true;
}

void SpreadParameters::released() noexcept {
  if (--storages_ > 0) return;
  for (State& r : ranges_)
    if (r.has_memory) manager_of(*r.arena).count_kept(-static_cast<std::ptrdiff_t>(r.bytes));
  delete this;
}

/// Which collectives are asked for, and when, depends on the order of uses alone: on no process' memory.
void SpreadParameters::need(State& range, bool write) {
  if (ended_) TASUKI_THROW(DistributedError, "this parameter is spread over ", world_.size(), " processes, and the DataParallel that gathers it is gone\nsave and use the network while the DataParallel lives");
  range.written |= write;
  if (&range == current_) return;
  State* const next = whole_ ? nullptr : next_after(range);
  if (!whole_)
    for (State& other : ranges_)
      if (&other != &range && &other != next && other.asked_for && !other.is_held()) let_go(other);
  if (!range.asked_for) gather(range);
  if (next && !next->asked_for) gather(*next);
  range.gathering.wait();
  current_ = &range;
}

/// What followed this range at this place of the last step, as long as the steps are alike.
SpreadParameters::State* SpreadParameters::next_after(State& range) {
  constexpr std::size_t longest_step = std::size_t{1} << 16;
  if (order_.size() == longest_step) return nullptr;
  const std::size_t at = order_.size();
  order_.push_back(&range);
  as_last_time_ = as_last_time_ && at < last_order_.size() && last_order_[at] == &range;
  return as_last_time_ && at + 1 < last_order_.size() ? last_order_[at + 1] : nullptr;
}

void SpreadParameters::set_memory(State& r, bool on) {
  const BlockPart part{r.arena->data(), r.arena->bytes(), r.offset, r.bytes};
  if (on) r.arena->runtime().commit(part);
  else r.arena->runtime().decommit(part);
  if (r.has_memory != on) manager_of(*r.arena).count_kept(on ? static_cast<std::ptrdiff_t>(r.bytes) : -static_cast<std::ptrdiff_t>(r.bytes));
  r.has_memory = on;
}

void SpreadParameters::gather(State& r) {
  Pins pins;
  for (Storage* s : r.pieces) pins.add(*s);
  set_memory(r, true);
  char* const data = static_cast<char*>(r.arena->data()) + r.offset;
  const auto mine = static_cast<std::size_t>(world_.rank());
  if (const auto bytes = static_cast<std::size_t>(r.bounds[mine + 1] - r.bounds[mine])) std::memcpy(data + r.bounds[mine], r.slice, bytes);
  r.gathering = world_.post("parameters", r.bytes, [data, &bounds = r.bounds](Communicator& c) { c.all_gather_parts(data, bounds.data()); });
  r.asked_for = true;
}

void SpreadParameters::write_back(State& r) {
  Pins pins;
  for (Storage* s : r.pieces) pins.add(*s, true);
  const auto mine = static_cast<std::size_t>(world_.rank());
  if (const auto bytes = static_cast<std::size_t>(r.bounds[mine + 1] - r.bounds[mine])) std::memcpy(r.slice, static_cast<char*>(r.arena->data()) + r.offset + r.bounds[mine], bytes);
  for (Storage* s : r.pieces) s->mark_written("gathered parameters");
  r.written = false;
}

void SpreadParameters::let_go(State& r) {
  if (r.asked_for) r.gathering.wait();
  if (r.written) write_back(r);
  r.asked_for = false;
  if (current_ == &r) current_ = nullptr;
  if (!r.is_held()) set_memory(r, false);
}

void SpreadParameters::write_back() {
  for (State& r : ranges_)
    if (r.written) write_back(r);
}

void SpreadParameters::slices_changed() {
  for (State& r : ranges_)
    if (r.asked_for) let_go(r);
  last_order_ = std::move(order_);
  order_.clear();
  as_last_time_ = true;
  if (whole_ > 0) gather_all();
}

void SpreadParameters::gather_all() {
  for (State& r : ranges_)
    if (!r.asked_for) gather(r);
  for (State& r : ranges_) r.gathering.wait();
}

void SpreadParameters::keep_whole(bool on) {
  whole_ += on ? 1 : -1;
  if (whole_ > 0) return gather_all();
  for (State& r : ranges_)
    if (r.asked_for) let_go(r);
}

}  // namespace tasuki::dist
