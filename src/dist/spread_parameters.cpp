#include "src/dist/spread_parameters.hpp"

#include <algorithm>
#include <cstring>

#include "tasuki/core/error.hpp"
#include "tasuki/runtime/residency.hpp"

namespace tasuki::dist {

/// Asks for ranges when their parameters are pinned; all other storages stay where they are.
class SpreadParameters::Manager final : public ResidencyManager {
 public:
  static Manager& instance() {
    static auto* const manager = new Manager;  // a manager is never destroyed
    return *manager;
  }
  void begin_launch() override {}
  void pin(Storage& storage, bool write) override {
    storage.hold();
    auto* const range = static_cast<State*>(storage.residence());
    if (!range) return;
    try {
      range->owner->need(*range, write);
    } catch (...) {
      storage.let_move();
      throw;
    }
  }
  void reserve(std::size_t) override {}
  void end_step() override {}
  bool make_room(std::size_t) override { return false; }
  void released(Storage& storage) noexcept override {
    SpreadParameters* const owner = static_cast<State*>(storage.residence())->owner;
    storage.set_residence(nullptr);
    if (--owner->storages_ > 0) return;
    std::erase(all_, owner);
    delete owner;
    if (all_.empty()) storage.runtime().set_manager(nullptr);
  }
  void add(DeviceRuntime& runtime, SpreadParameters* spread) {
    check_alone(runtime);
    runtime.set_manager(this);
    all_.push_back(spread);
  }
  const std::vector<SpreadParameters*>& all() const { return all_; }

 private:
  std::vector<SpreadParameters*> all_;
};

void SpreadParameters::check_alone(DeviceRuntime& runtime) {
  if (ResidencyManager* const other = runtime.manager(); other && other != &Manager::instance())
    TASUKI_THROW(ValueError, "zero = 3 gives parameters their memory while they are used, and so does a memory budget or checkpoint on ", runtime.device(),
                 "\nend that first, or use zero = 2, which goes with both");
}

SpreadParameters* SpreadParameters::make(const World& world, std::vector<Range> ranges) {
  DeviceRuntime& runtime = ranges.at(0).arena->runtime();
  auto* const spread = new SpreadParameters(world, std::move(ranges));
  Manager::instance().add(runtime, spread);
  return spread;
}

SpreadParameters::SpreadParameters(const World& world, std::vector<Range> ranges) : world_(world) {
  ranges_.reserve(ranges.size());
  for (Range& r : ranges) {
    ranges_.push_back({std::move(r), this, {}, false, false});
    State& range = ranges_.back();
    for (Storage* s : range.parameters) s->set_residence(&range);
    storages_ += range.parameters.size();
    write_back(range);
    let_go(range);
  }
}

void SpreadParameters::end() {
  for (State& r : ranges_) r.gathering.settle();
  ended_ = true;
}

void SpreadParameters::need(State& range, bool write) {
  if (ended_) TASUKI_THROW(DistributedError, "this parameter is spread over ", world_.size(), " processes, and the DataParallel that gathers it is gone\nsave and use the network while the DataParallel lives");
  range.written |= write;
  if (&range == current_) return;
  if (!range.asked_for) gather(range);
  range.gathering.wait();
  current_ = &range;
  if (whole_) return;
  State* const next = next_after(range);
  for (State& other : ranges_) {
    if (&other == &range || &other == next || !other.asked_for) continue;
    if (std::none_of(other.parameters.begin(), other.parameters.end(), [](const Storage* s) { return s->is_held(); })) let_go(other);
  }
  if (next && !next->asked_for) gather(*next);
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

void SpreadParameters::gather(State& r) {
  r.arena->runtime().commit({r.arena->data(), r.arena->bytes(), r.offset, r.bytes});
  char* const data = static_cast<char*>(r.arena->data()) + r.offset;
  const auto mine = static_cast<std::size_t>(world_.rank());
  if (const auto bytes = static_cast<std::size_t>(r.bounds[mine + 1] - r.bounds[mine])) std::memcpy(data + r.bounds[mine], r.slice, bytes);
  r.gathering = world_.post("parameters", r.bytes, [data, &bounds = r.bounds](Communicator& c) { c.all_gather_parts(data, bounds.data()); });
  r.asked_for = true;
}

void SpreadParameters::write_back(State& r) {
  const auto mine = static_cast<std::size_t>(world_.rank());
  if (const auto bytes = static_cast<std::size_t>(r.bounds[mine + 1] - r.bounds[mine])) std::memcpy(r.slice, static_cast<char*>(r.arena->data()) + r.offset + r.bounds[mine], bytes);
  r.written = false;
}

void SpreadParameters::let_go(State& r) {
  if (r.asked_for) r.gathering.wait();
  if (r.written) write_back(r);
  r.asked_for = false;
  if (current_ == &r) current_ = nullptr;
  const bool held = std::any_of(r.parameters.begin(), r.parameters.end(), [](const Storage* s) { return s->is_held(); });
  if (!held) r.arena->runtime().decommit({r.arena->data(), r.arena->bytes(), r.offset, r.bytes});
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

SpreadParameters::AllWhole::AllWhole() {
  for (SpreadParameters* spread : Manager::instance().all())
    if (!spread->ended_) spread->keep_whole(true);
}

SpreadParameters::AllWhole::~AllWhole() {
  for (SpreadParameters* spread : Manager::instance().all()) {
    try {
      if (!spread->ended_) spread->keep_whole(false);
    } catch (const Error&) {  // the next use of a parameter says it again
    }
  }
}

}  // namespace tasuki::dist
