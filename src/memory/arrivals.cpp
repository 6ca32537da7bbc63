// How they come back: from a lower tier, or by running again what made them.
#include "src/core/clock.hpp"
#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::memory {

bool Manager::start_arrival(Residence& r) {
  if (r.storage->residency() != Residency::away || r.empty) return false;
  arrive(r);
  return true;
}

void Manager::arrive(Residence& r) {
  Storage& s = *r.storage;
  obtain(r);
  r.transfer = r.tiers->start_in(*r.home, s.data(), runtime_.record_event(0));
  s.set_residency(Residency::arriving);
  resident_.touch(r);
  ++arriving_;
}

/// Where no plan says what comes back when: backward uses last what forward used first, so what left last is wanted first.
void Manager::prefetch() {
  constexpr std::size_t most_at_once = 2;
  while (arriving_ < most_at_once) {
    Residence* r = gone_.newest();
    if (!r || r->storage->owner() != OwnerClass::activation || steps_->recorder().label_of(*r->storage) < 0) return;
    if (!has_room(r->bytes + largest_launch_)) return;
    arrive(*r);
  }
}

/// Whether a launch that needs the storage now has to wait for it. On an accelerator only its queue knows how far a copy is.
bool Manager::is_late(const Residence& r) const {
  switch (r.storage->residency()) {
    case Residency::away: return true;
    case Residency::arriving: return !runtime_.is_asynchronous() && !r.tiers->finished(r.transfer);
    default: return false;
  }
}

/// The end of an arrival; after a failed one, the storage is away as before.
TransferError Manager::land(Residence& r) {
  TransferError failed = settle(r);
  --arriving_;
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
  if (r.empty) {
    s.obtain();
    s.set_residency(Residency::resident);
    r.empty = false;
    resident_.touch(r);
    if (active_) steps_->born(s);
    return;
  }
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
