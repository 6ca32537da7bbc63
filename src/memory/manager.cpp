#include "src/memory/manager.hpp"

#include <algorithm>
#include <map>

#include "src/core/clock.hpp"
#include "src/memory/steps.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/memory/checkpoint.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki::memory {

namespace {

/// The innermost checkpoint that this thread has open.
constinit thread_local std::uint64_t current_segment = 0;
/// Of this thread's latest launch.
constinit thread_local double launch_started = 0;

struct Managers {
  std::mutex mutex;
  std::map<std::pair<DeviceKind, int>, Manager*> by_device;
};
Managers& managers() {
  static Managers& all = *new Managers;
  return all;
}

}  // namespace

Manager& Manager::of(Device device) {
  DeviceRuntime& runtime = runtime_of(device);
  Managers& all = managers();
  const std::lock_guard lock(all.mutex);
  Manager*& manager = all.by_device[{device.kind(), device.index()}];
  if (!manager) manager = new Manager(runtime);
  return *manager;
}

Manager::Manager(DeviceRuntime& runtime) : runtime_(runtime) {}

// ---- the budget begins and ends

void Manager::start(const BudgetOptions& options, FileCalls* calls) {
  std::unique_lock lock(mutex_);
  if (active_) TASUKI_THROW(ValueError, "expected  one budget at a time on ", runtime_.device(), "\nactual    a budget of ", options_.bytes, " bytes is in force; let it go out of scope first");
  const std::size_t most = runtime_.capacity();
  if (options.bytes > most)
    TASUKI_THROW(ValueError, "expected  a budget within the ", most, " bytes of ", runtime_.device(), "\nactual    ", options.bytes, " bytes");
  TierOptions tiers;
  if (options.host_bytes != automatic_bytes) tiers.host_bytes = options.host_bytes;
  if (options.file_bytes != automatic_bytes) tiers.file_bytes = options.file_bytes;
  tiers.file = options.file;
  tiers.checksums = options.checksums;
  tiers.calls = calls;
  auto engine = std::make_unique<TransferEngine>(runtime_, tiers);
  set_tiers_aside();
  tiers_ = std::move(engine);
  options_ = options;
  moves_ = {};
  steps_ = std::make_unique<Steps>(*this);
  active_ = true;
  runtime_.set_manager(this);

  adopt();
  runtime_.release_cached();
  while (runtime_.memory_stats().current_bytes > options_.bytes && evict_one()) {
  }
  runtime_.set_byte_limit(options_.bytes);
  runtime_.reset_peak();
  lock.unlock();
  add_listener(*this);  // whose lock the listener's calls hold when they take ours
}

/// Takes note of what networks and optimizers hold and no launch has used so far; says whether there was any. Whatever was made
/// otherwise is not ours before it is used: somebody may be filling it through its address.
bool Manager::adopt() {
  SmallVector<Storage*, 64> found;
  runtime_.storages().for_each(
      [](void* list, Storage& s) {
        const OwnerClass o = s.owner();
        if (!s.residence() && (o == OwnerClass::parameter || o == OwnerClass::gradient || o == OwnerClass::optimizer || o == OwnerClass::buffer))
          static_cast<SmallVector<Storage*, 64>*>(list)->push_back(&s);
      },
      &found);
  bool any = false;
  for (Storage* s : found) {
    Residence& r = watch(*s);
    if (r.bytes == 0) continue;
    resident_.touch(r);
    any = true;
  }
  return any;
}

void Manager::stop() {
  remove_listener(*this);  // ahead of our lock: it waits for calls that may be waiting for that
  const std::lock_guard lock(mutex_);
  if (!active_) return;
  active_ = false;
  runtime_.set_byte_limit(0);
  const bool all_back = bring_all_back();
  steps_.reset();
  if (all_back) retire();
}

bool Manager::bring_all_back() noexcept {
  bool all_back = true;
  for (Residence *r = watched_, *next; r; r = next) {
    next = r->next_watched;
    try {
      if (r->storage->residency() != Residency::resident) bring_in(*r);
      if (r->transfer) settle_departure(*r);
    } catch (const Error&) {
      all_back = false;  // it comes back when it is used, and says then what is in the way
    }
  }
  return all_back;
}

/// Nothing is away any more: launches need not ask until there is a budget or a checkpoint again, unless something has a keeper.
void Manager::retire() noexcept {
  for (Residence *r = watched_, *next; r; r = next) {
    next = r->next_watched;
    if (!r->keeper) forget(*r);
  }
  if (!watched_) runtime_.set_manager(nullptr);
  tiers_.reset();
  earlier_tiers_.clear();
}

/// A new budget begins: what earlier ones left in their tiers, for want of room on the device, stays there until it is used.
void Manager::set_tiers_aside() {
  if (tiers_) earlier_tiers_.push_back(std::move(tiers_));
  SmallVector<const TransferEngine*, 8> in_use;
  for (Residence* r = watched_; r; r = r->next_watched) {
    r->unmovable = false;
    if (!r->home) continue;
    if (r->storage->residency() == Residency::resident) forget_copy(*r);
    else in_use.push_back(r->tiers);
  }
  std::erase_if(earlier_tiers_, [&](const auto& tiers) { return std::find(in_use.begin(), in_use.end(), tiers.get()) == in_use.end(); });
}

Residence& Manager::watch(Storage& storage) {
  if (Residence* known = residence_of(storage)) return *known;
  auto* r = new Residence;
  r->storage = &storage;
  r->bytes = storage.bytes() >= StorageList::listed_bytes ? storage.movable_bytes() : 0;
  r->changing = storage.is_held();  // by whom, and to write or not, nobody has told: it was too small, or there was no manager yet
  r->next_watched = watched_;
  if (watched_) watched_->previous_watched = r;
  watched_ = r;
  storage.set_residence(r);
  return *r;
}

void Manager::forget(Residence& r) noexcept {
  (r.storage->residency() == Residency::away ? gone_ : resident_).remove(r);
  forget_copy(r);
  (r.previous_watched ? r.previous_watched->next_watched : watched_) = r.next_watched;
  if (r.next_watched) r.next_watched->previous_watched = r.previous_watched;
  r.storage->set_residence(nullptr);
  delete &r;
}

Report Manager::report() {
  const std::lock_guard lock(mutex_);
  Report r;
  r.device = runtime_.device().to_string();
  r.policy = options_.policy;
  r.budget_bytes = options_.bytes;
  r.peak_bytes = runtime_.memory_stats().peak_bytes;
  const StepCounts& c = steps_->counts();
  if (const Signature* planned = steps_->planned()) r.predicted_peak_bytes = planned->plan->peak_bytes;
  r.steps = c.steps;
  r.planned_steps = c.planned;
  r.reactive_steps = c.steps - c.planned;
  r.signatures = steps_->signatures();
  r.plans = c.plans;
  r.plan_seconds = c.planning_seconds;
  const TierStats t = tiers_->stats();
  r.host = {t.host_out_bytes, t.host_in_bytes, t.host_peak_in_use, t.host_limit};
  r.file = {t.file_out_bytes, t.file_in_bytes, t.file_size, t.file_limit};
  for (int i = 0; i < Report::owner_classes; ++i) r.departures[i] = moves_.departures[i];
  r.replayed_ops = moves_.replays;
  r.replay_seconds = moves_.replay_seconds;
  r.exposed_seconds = moves_.waited_seconds;
  r.late_arrivals = steps_->late_arrivals();
  r.forced_departures = moves_.forced;
  r.host_synchronizations = t.host_waits;
  return r;
}

// ---- what the launcher calls

void Manager::begin_launch() {
  const std::lock_guard lock(mutex_);
  if (!active_) return;
  note_let_go();
  steps_->begin_launch();
}

void Manager::pin(Storage& storage, bool write) {
  std::unique_lock lock(mutex_);
  Residence* r = residence_of(storage);
  if (Keeper* const keeper = r ? r->keeper : nullptr) {
    storage.hold();
    lock.unlock();
    return ask_keeper(storage, *keeper, write);
  }
  if (asking_keeper_ && active_) steps_->also_reads(storage);
  if (!r && (active_ || current_segment) && storage.bytes() >= StorageList::listed_bytes) {
    r = &watch(storage);
    if (!storage.producer()) r->segment = current_segment;  // a leaf cannot be dropped; anything else is this launch's output
  }
  if (r && !storage.is_held()) r->changing = false;
  storage.hold();
  if (!r) return;
  try {
    if (storage.residency() != Residency::resident) {
      if (active_ && !r->empty && is_late(*r)) steps_->note_late();
      bring_in(*r);
    }
    if (write) {
      r->changing = true;
      if (r->transfer) settle_departure(*r);
      forget_copy(*r);
      while (!r->dependents.empty()) remake(*r->dependents.back());
    }
  } catch (...) {
    storage.let_move();
    throw;
  }
  r->user = std::this_thread::get_id();
  if (r->bytes) resident_.touch(*r);
}

void Manager::reserve(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (!active_) return;
  largest_launch_ = std::max(largest_launch_, bytes);
  while (runtime_.memory_stats().current_bytes + bytes > options_.bytes)
    if (!evict_one()) no_fit(bytes);
}

void Manager::end_step() {
  const std::lock_guard lock(mutex_);
  if (active_) {
    note_let_go();
    steps_->end_step();
    for (Residence* r = watched_; r; r = r->next_watched) r->unmovable = false;  // there may be room by now
    return;
  }
  // What checkpoints dropped has come back by now, or belongs to a graph that somebody keeps.
  if (!outer_segments_.empty()) return;
  for (const Residence* r = watched_; r; r = r->next_watched)
    if (r->storage->residency() != Residency::resident) return;
  retire();
}

bool Manager::make_room(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (!active_) return false;
  // Within the budget it is the system that has no room; anything that leaves may help.
  if (runtime_.memory_stats().current_bytes + bytes <= options_.bytes) return evict_one();
  while (runtime_.memory_stats().current_bytes + bytes > options_.bytes)
    if (!evict_one()) no_fit(bytes);
  return true;
}

void Manager::released(Storage& storage) noexcept {
  std::unique_lock lock(mutex_);
  Residence& r = *residence_of(storage);
  Keeper* const keeper = r.keeper;
  give_up_transfer(r);
  const Residency state = storage.residency();
  if ((state == Residency::away || state == Residency::dropped) && !r.empty) away_bytes_ -= r.bytes;
  if (steps_) steps_->released(storage);
  let_sources_go(r);
  forget(r);
  if (!keeper) return;
  if (!active_ && !watched_) runtime_.set_manager(nullptr);
  lock.unlock();
  keeper->released();
}

void Manager::give_up_transfer(Residence& r) noexcept {
  if (!r.transfer) return;
  r.tiers->cancel(r.transfer);
  r.transfer = {};
  arriving_ -= r.storage->residency() == Residency::arriving;
}

/// Only between steps: plans count with what a step finds when it begins.
void Manager::discard(Storage& storage) {
  const std::lock_guard lock(mutex_);
  if (!active_ || storage.bytes() < StorageList::listed_bytes || storage.is_held() || !steps_->is_between()) return;
  Residence& r = watch(storage);
  if (r.bytes == 0 || r.empty || !r.dependents.empty()) return;
  give_up_transfer(r);
  steps_->released(storage);
  let_sources_go(r);
  const Residency state = storage.residency();
  if (state != Residency::away && state != Residency::dropped) surrender(r, Residency::away);
  away_bytes_ -= r.bytes;
  gone_.remove(r);
  storage.set_residency(Residency::away);
  forget_copy(r);
  r.empty = true;
}

void Manager::lacks_places(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (active_) steps_->lacks_places(bytes);
}

void Manager::before_launch(const LaunchRecord& record) {
  if (record.device == runtime_.device()) launch_started = now();
}

void Manager::after_launch(const LaunchRecord& record) {
  if (!(record.device == runtime_.device())) return;
  const double seconds = runtime_.is_asynchronous() ? modelled_seconds(sim::profile(record.device), record) : now() - launch_started;
  const std::lock_guard lock(mutex_);
  for (std::size_t j = 0; j < record.output_count; ++j)
    if (Storage* s = record.outputs[j].storage)
      if (Residence* r = residence_of(*s)) r->produce_seconds = seconds;
  if (!active_) return;
  steps_->launched(record, seconds);
  if (record.phase == LaunchPhase::backward && !steps_->is_planned()) prefetch();
}

// ---- checkpoints by hand

std::uint64_t Manager::open_segment() {
  const std::lock_guard lock(mutex_);
  runtime_.set_manager(this);
  const std::uint64_t outer = current_segment;
  current_segment = ++segments_;
  outer_segments_.emplace(segments_, outer);
  return segments_;
}

void Manager::abandon_segment(std::uint64_t segment) noexcept {
  const std::lock_guard lock(mutex_);
  const auto it = outer_segments_.find(segment);
  if (it == outer_segments_.end()) return;
  current_segment = it->second;
  outer_segments_.erase(it);
}

void Manager::close_segment(std::uint64_t segment, const Tensor* results, std::size_t count) {
  const std::lock_guard lock(mutex_);
  abandon_segment(segment);
  // The newest are listed first: each is dropped while what it is made from is still there, so it has to keep only that.
  for (Residence* r = watched_; r; r = r->next_watched) {
    if (r->segment != segment) continue;
    bool is_result = false;
    for (std::size_t i = 0; i < count; ++i) is_result |= results[i].defined() && &results[i].storage() == r->storage;
    if (!is_result) drop(*r);
  }
}

detail::CheckpointScope::CheckpointScope(Device device) : device_(device), segment_(Manager::of(device).open_segment()) {}
detail::CheckpointScope::~CheckpointScope() { Manager::of(device_).abandon_segment(segment_); }
void detail::CheckpointScope::close(const Tensor* results, std::size_t count) { Manager::of(device_).close_segment(segment_, results, count); }

}  // namespace tasuki::memory
