// How storages leave their device.
#include "src/core/clock.hpp"
#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::memory {

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
  if (is_changing(s)) return false;  // another thread, that sums gradients over processes, say: a copy would have some of the old bytes
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
  if (state == Residency::away) gone_.touch(r);
  away_bytes_ += r.bytes;
}

void Manager::obtain(Residence& r) {
  r.storage->obtain();
  if (r.storage->residency() == Residency::away) gone_.remove(r);
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
    if (source == &s || forbids_replay(*source)) return false;
  return true;
}

bool Manager::is_changing(Storage& source) { return watch(source).changing && source.is_held(); }

bool Manager::drop(Residence& r) {
  SmallVector<Storage*, 8> sources;
  Storage& s = *r.storage;
  if (s.is_held() || r.bytes == 0 || !can_drop(r, sources)) return false;
  for (Storage* source : sources)
    if (is_changing(*source)) return false;
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
    if ((state == Residency::away || state == Residency::dropped) && !r->empty && recorder.label_of(*r->storage) < 0) bytes += r->bytes;
  }
  return bytes;
}

bool Manager::prefers_drop(const Residence& r) const {
  // A replay has operands of its own. Those of something large may not fit beside the launch that needs it.
  constexpr std::size_t large_part = 8;
  if (r.bytes > options_.bytes / large_part) return false;
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

}  // namespace tasuki::memory
