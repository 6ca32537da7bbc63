#pragma once

namespace tasuki {
class Storage;
}

namespace tasuki::memory {

/// Gives storages their bytes while they are used, in place of the device's manager, to which they are as if they never moved
/// (Manager::entrust). What it has on the device at a time it counts itself (Manager::count_kept), so that a budget plans around it.
///
/// Nothing is computed again from storages with a keeper: what one process replays another may have kept, and bringing their bytes
/// may take all processes.
class Keeper {
 public:
  virtual ~Keeper() = default;
  /// The storage is held, and about to be used: returns when it has its bytes. Called without the manager's lock.
  virtual void need(bool write) = 0;
  /// One of its storages goes.
  virtual void released() noexcept = 0;
};

}  // namespace tasuki::memory
