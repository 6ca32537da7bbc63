// Storages that somebody else gives their bytes.
#include <utility>

#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"

namespace tasuki::memory {

constinit thread_local bool Manager::asking_keeper_ = false;

void Manager::entrust(Storage& storage, Keeper& keeper) {
  const std::lock_guard lock(mutex_);
  runtime_.set_manager(this);
  Residence& r = watch(storage);
  if (storage.residency() != Residency::resident) bring_in(r);
  if (r.transfer) settle_departure(r);
  forget_copy(r);
  while (!r.dependents.empty()) remake(*r.dependents.back());
  resident_.remove(r);
  r.bytes = 0;
  r.keeper = &keeper;
}

void Manager::count_kept(std::ptrdiff_t change) {
  const std::lock_guard lock(mutex_);
  kept_bytes_ += static_cast<std::size_t>(change);
}

/// The storage is held. Without the lock: what a keeper waits for may itself wait for somebody who lets a tensor go.
void Manager::ask_keeper(Storage& storage, Keeper& keeper, bool write) {
  struct Asking {
    bool outer = std::exchange(asking_keeper_, true);
    ~Asking() { asking_keeper_ = outer; }
  } const asking;
  try {
    keeper.need(write);
  } catch (...) {
    storage.let_move();
    throw;
  }
}

}  // namespace tasuki::memory
