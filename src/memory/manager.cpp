#include "src/memory/manager.hpp"

#include <algorithm>
#include <chrono>
#include <map>

#include "src/memory/steps.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/memory/checkpoint.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki::memory {

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

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

/// Nothing is away any more: launches need not ask until there is a budget or a checkpoint again.
void Manager::retire() noexcept {
  runtime_.set_manager(nullptr);
  while (watched_) forget(*watched_);
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
  r->next_watched = watched_;
  if (watched_) watched_->previous_watched = r;
  watched_ = r;
  storage.set_residence(r);
  return *r;
}

void Manager::forget(Residence& r) noexcept {
  resident_.remove(r);
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
  r.late_arrivals = c.late_arrivals;
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
  const std::lock_guard lock(mutex_);
  Residence* r = residence_of(storage);
  if (!r && (active_ || current_segment) && storage.bytes() >= StorageList::listed_bytes) {
    r = &watch(storage);
    if (!storage.producer()) r->segment = current_segment;  // a leaf cannot be dropped; anything else is this launch's output
  }
  storage.hold();
  if (!r) return;
  try {
    if (storage.residency() != Residency::resident) bring_in(*r);
    if (write) {
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
  const std::lock_guard lock(mutex_);
  Residence& r = *residence_of(storage);
  if (r.transfer) {
    r.tiers->cancel(r.transfer);
    r.transfer = {};
  }
  const Residency state = storage.residency();
  if (state == Residency::away || state == Residency::dropped) away_bytes_ -= r.bytes;
  if (steps_) steps_->released(storage);
  let_sources_go(r);
  forget(r);
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
  if (active_) steps_->launched(record, seconds);
}

// ---- leaving

bool Manager::has_clean_copy(const Residence& r) const {
  return r.home && r.copy_version == r.storage->version() && r.home->holds_copy();
}

void Manager::forget_copy(Residence& r) {
  if (!r.home) return;
  r.tiers->free(r.home);
  r.home = nullptr;
}

bool Manager::start_departure(Residence& r, Tier tier) {
  Storage& s = *r.storage;
  if (s.residency() != Residency::resident || r.transfer || r.bytes == 0 || r.unmovable) return false;
  if (r.home && r.tiers != tiers_.get()) forget_copy(r);
  if (!r.home) {
    r.home = tiers_->reserve(s.bytes(), tier, name_of(s.owner()));
    r.tiers = tiers_.get();
  }
  if (!r.home) {
    r.unmovable = true;
    return false;
  }
  r.transfer = tiers_->start_out(*r.home, s.data(), runtime_.record_event(0));
  r.copy_version = s.version();
  s.set_residency(Residency::leaving);
  moves_.departures[static_cast<int>(s.owner())].swapped_bytes += r.bytes;
  return true;
}

/// What is launched from here on comes after the transfer.
TransferError Manager::settle(Residence& r) {
  const double start = now();
  TransferError failed = r.tiers->order(r.transfer, 0);
  moves_.waited_seconds += now() - start;
  r.transfer = {};
  return failed;
}

/// A failed departure leaves the storage where it is.
void Manager::settle_departure(Residence& r) {
  const TransferError failed = settle(r);
  r.storage->set_residency(Residency::resident);
  if (failed) {
    forget_copy(r);
    r.unmovable = true;
    steps_->note_failure(failed.text);
  }
}

bool Manager::finish_departure(Residence& r) {
  Storage& s = *r.storage;
  if (s.is_held()) return false;
  if (s.residency() == Residency::arriving && land(r)) return true;
  if (r.transfer) settle_departure(r);
  if (s.residency() != Residency::resident || !has_clean_copy(r)) return false;
  surrender(r, Residency::away);
  return true;
}

bool Manager::depart(Residence& r, Tier tier) {
  if (!has_clean_copy(r) || r.transfer) return start_departure(r, tier);
  if (r.storage->residency() != Residency::resident || r.storage->is_held()) return false;
  surrender(r, Residency::away);
  return true;
}

bool Manager::swap_out(Residence& r) {
  if (!r.transfer && !depart(r, Tier::host)) return false;
  return r.storage->residency() == Residency::away || finish_departure(r);
}

/// The bytes are elsewhere, or can be made again.
void Manager::surrender(Residence& r, Residency state) {
  r.storage->surrender();
  r.storage->set_residency(state);
  resident_.remove(r);
  away_bytes_ += r.bytes;
}

void Manager::obtain(Residence& r) {
  r.storage->obtain();
  away_bytes_ -= r.bytes;
}

bool Manager::can_drop(const Residence& r, SmallVector<Storage*, 8>& sources) const {
  const Storage& s = *r.storage;
  Node* producer = s.producer();
  if (!producer || s.residency() != Residency::resident || r.transfer || r.user != std::this_thread::get_id()) return false;
  const Slot& made = producer->outputs()[s.producer_output()];
  const TensorImpl& layout = *made.record;
  if (made.version != s.version() || layout.offset != 0 || static_cast<std::size_t>(layout.numel) * size_of(layout.dtype) != s.bytes()) return false;
  if (!producer->find_replay_sources(sources)) return false;
  for (const Storage* source : sources)
    if (source == &s) return false;
  return true;
}

bool Manager::drop(Residence& r) {
  SmallVector<Storage*, 8> sources;
  Storage& s = *r.storage;
  if (s.is_held() || r.bytes == 0 || !can_drop(r, sources)) return false;
  for (Storage* source : sources) {
    bool known = false;
    for (const Storage* other : r.sources) known |= other == source;
    if (known) continue;
    Residence& from = watch(*source);
    if (from.dependents.empty()) {
      source->retain();
      source->retain_bytes();
      sources_.push_back(&from);
    }
    from.dependents.push_back(&r);
    r.sources.push_back(source);
  }
  surrender(r, Residency::dropped);
  moves_.departures[static_cast<int>(s.owner())].dropped_bytes += r.bytes;
  return true;
}

void Manager::let_sources_go(Residence& r) noexcept {
  while (!r.sources.empty()) {
    Storage* source = r.sources.back();
    r.sources.pop_back();
    Residence* from = residence_of(*source);
    auto& list = from->dependents;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (list[i] == &r) {
        list[i] = list.back();
        list.pop_back();
        break;
      }
    if (!list.empty()) continue;
    std::erase(sources_, from);
    source->release_bytes();
    source->release();
  }
}

/// The program has let go of what only replays hold.
void Manager::note_let_go() {
  for (Residence* r : sources_)
    if (!r->let_go && r->storage->bytes_unique()) {
      r->let_go = true;
      steps_->let_go(*r->storage);
    }
}

std::size_t Manager::away_bytes_beyond(const StepRecorder& recorder) const {
  std::size_t bytes = 0;
  for (const Residence* r = watched_; r; r = r->next_watched) {
    const Residency state = r->storage->residency();
    if ((state == Residency::away || state == Residency::dropped) && recorder.label_of(*r->storage) < 0) bytes += r->bytes;
  }
  return bytes;
}

bool Manager::prefers_drop(const Residence& r) const {
  if (r.replayed) return true;
  if (has_clean_copy(r)) return false;
  return r.produce_seconds < 2 * steps_->transfer_seconds(r.bytes);
}

bool Manager::evict_one() {
  return evict_oldest() || (adopt() && evict_oldest());
}

bool Manager::evict_oldest() {
  for (Residence* r = resident_.oldest(); r; r = r->newer) {
    if (r->storage->is_held()) continue;
    bool gone = false;
    switch (options_.policy) {
      case Policy::keep: break;
      case Policy::swap: gone = swap_out(*r); break;
      case Policy::recompute: gone = drop(*r); break;
      case Policy::automatic: gone = prefers_drop(*r) ? drop(*r) || swap_out(*r) : swap_out(*r) || drop(*r); break;
    }
    if (gone) {
      ++moves_.forced;
      return true;
    }
  }
  return false;
}

void Manager::no_fit(std::size_t bytes) const {
  const std::size_t used = runtime_.memory_stats().current_bytes;
  std::size_t idle = 0;
  for (const Residence* r = resident_.oldest(); r; r = r->newer)
    if (!r->storage->is_held()) idle += r->bytes;
  std::string why;
  if (idle) why = tasuki::detail::concat({"\n", idle, " bytes of it are not in use by this launch, but ", options_.policy == Policy::automatic ? "cannot leave" : "the policy keeps them"});
  if (!steps_->last_failure().empty()) why += "\n" + steps_->last_failure();
  TASUKI_THROW(OutOfMemory, "expected  room for ", bytes, " bytes beside the ", used, " bytes that must stay\nactual    a budget of ", options_.bytes, " bytes on ",
               runtime_.device(), "; the smallest that this launch fits is ", used + bytes, why);
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

// ---- coming back

bool Manager::start_arrival(Residence& r) {
  if (r.storage->residency() != Residency::away) return false;
  arrive(r);
  return true;
}

void Manager::arrive(Residence& r) {
  Storage& s = *r.storage;
  obtain(r);
  r.transfer = r.tiers->start_in(*r.home, s.data(), runtime_.record_event(0));
  s.set_residency(Residency::arriving);
  resident_.touch(r);
}

/// The end of an arrival; after a failed one, the storage is away as before.
TransferError Manager::land(Residence& r) {
  TransferError failed = settle(r);
  if (failed) surrender(r, Residency::away);
  else r.storage->set_residency(Residency::resident);
  return failed;
}

void Manager::bring_in(Residence& r) {
  Storage& s = *r.storage;
  if (s.residency() == Residency::leaving) {  // it is still here, and its copy will be good
    s.set_residency(Residency::resident);
    return;
  }
  if (s.residency() == Residency::dropped) return remake(r);
  if (s.residency() == Residency::away) arrive(r);
  if (const TransferError failed = land(r)) failed.raise();
}

void Manager::remake(Residence& r) {
  const double start = now();
  remade_.push_back(r.storage);
  struct Pop {
    SmallVector<Storage*, 8>& list;
    ~Pop() { list.pop_back(); }
  } const pop{remade_};
  r.storage->producer()->replay_into(*this);
  if (remade_.size() == 1) moves_.replay_seconds += now() - start;
  if (r.storage->residency() != Residency::resident)
    TASUKI_THROW(InternalError, "a dropped ", name_of(r.storage->owner()), " of ", r.bytes, " bytes was replayed and is not there");
}

bool Manager::accept(Storage& dropped) {
  Residence& r = *residence_of(dropped);
  const Residence& target = *residence_of(*remade_.back());
  const bool same_segment = r.segment && r.segment == target.segment;
  if (&r != &target && !same_segment && !(active_ && steps_->wants_back(r))) return false;
  dropped.hold();
  try {
    obtain(r);
  } catch (...) {
    dropped.let_move();
    throw;
  }
  dropped.set_residency(Residency::resident);
  return true;
}

void Manager::filled(Storage& storage, bool complete) {
  Residence& r = *residence_of(storage);
  storage.let_move();
  if (!complete) {
    surrender(r, Residency::dropped);
    return;
  }
  ++moves_.replays;
  r.replayed = true;
  let_sources_go(r);
  resident_.touch(r);
}

}  // namespace tasuki::memory
