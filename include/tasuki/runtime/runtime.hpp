#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/device.hpp"

namespace tasuki {

/// A queue of work on a device; 0 is the compute queue. The CPU runs everything at once, so its queues are always idle.
using StreamId = int;

/// A point in a queue's work, comparable against its progress. A default Event has happened.
struct Event {
  StreamId stream = 0;
  std::uint64_t ticket = 0;
  double seconds = 0;  ///< when it happens by the virtual clock of a simulated device
};

/// Bytes, as the runtime itself counts them.
struct MemoryStats {
  std::size_t current_bytes = 0;         ///< handed out and not yet returned
  std::size_t reserved_bytes = 0;        ///< obtained from the system: handed out plus cached
  std::size_t peak_bytes = 0;            ///< largest reserved_bytes since the last reset_peak
  std::size_t limit_bytes = 0;           ///< reserved_bytes never passes this; 0 means none
  std::uint64_t allocations = 0;         ///< calls of allocate
  std::uint64_t system_allocations = 0;  ///< those that had to ask the system
};

class ResidencyManager;
class Storage;

/// `bytes` at `offset` of a block that allocate returned for `block_bytes`.
struct BlockPart {
  void* block;
  std::size_t block_bytes, offset, bytes;
};

/// The large storages of a device, so that a memory budget sees those that were there before it. An intrusive list under a lock
/// that is held for a few instructions; small storages are not worth moving and stay out of it.
class StorageList {
 public:
  static constexpr std::size_t listed_bytes = std::size_t{16} << 10;
  void insert(Storage& storage);
  void erase(Storage& storage) noexcept;
  /// Calls visit(context, storage) for each; storages may not come or go on this thread meanwhile.
  void for_each(void (*visit)(void*, Storage&), void* context);

 private:
  class Lock;
  bool busy_ = false;
  Storage* first_ = nullptr;
};

/// Everything Tasuki asks of a device below the level of ops: bytes, queues, events, copies. One instance per device, made on
/// first use and never destroyed (storages of static objects may outlive main).
class DeviceRuntime {
 public:
  explicit DeviceRuntime(Device device) : device_(device) {}
  virtual ~DeviceRuntime() = default;
  DeviceRuntime(const DeviceRuntime&) = delete;
  DeviceRuntime& operator=(const DeviceRuntime&) = delete;
  Device device() const { return device_; }

  /// At least `bytes` bytes, aligned to 64, to be used by work on `stream`. Throws OutOfMemory when the byte limit or the system
  /// has no room, after cached blocks were given back. Zero bytes give nullptr.
  virtual void* allocate(std::size_t bytes, StreamId stream = 0) = 0;
  /// Returns a block to the cache; work already queued on `stream` may still use it. `bytes` as given to allocate.
  virtual void deallocate(void* block, std::size_t bytes, StreamId stream = 0) noexcept = 0;
  /// The same, but all of it decommitted, as far as this device can: the address range of an arena whose parts come and go.
  virtual void* allocate_decommitted(std::size_t bytes) { return allocate(bytes); }
  /// What a block of `bytes` counts.
  virtual std::size_t block_bytes(std::size_t bytes) const = 0;
  /// How many bytes decommit would free.
  virtual std::size_t decommittable(BlockPart part) const = 0;
  /// Gives the memory behind a part of a block back (only what no byte outside the part shares a page with) while its address stays
  /// reserved; the contents are lost, and nobody may touch them until commit. The block may be deallocated as it is.
  virtual std::size_t decommit(BlockPart part) = 0;
  /// Puts memory behind a part wherever there is none; its contents are undefined there. Throws OutOfMemory as allocate does.
  virtual void commit(BlockPart part) = 0;
  /// Whether bytes that come and go are better off in a block of their own than at one place of an arena.
  virtual bool prefers_block(BlockPart) const { return false; }
  /// A step of this thread has ended, and the next begins: which kinds they are, if they are planned ones that repeat, or else 0. Steps of
  /// one kind ask for the same blocks in the same order.
  virtual void next_step(std::uint64_t ended, std::uint64_t begins) { (void)ended, (void)begins; }
  /// Gives cached, unused blocks back to the system; returns how many bytes.
  virtual std::size_t release_cached() = 0;
  virtual MemoryStats memory_stats() const = 0;
  /// Bytes that the device has in all.
  virtual std::size_t capacity() const = 0;
  /// Gives cached blocks back and starts a new peak at what is left.
  virtual void reset_peak() = 0;
  /// Limits reserved_bytes; 0 lifts the limit.
  virtual void set_byte_limit(std::size_t bytes) = 0;

  /// Copies between host memory and this device, or within it, ordered with other work on `stream`.
  enum class CopyKind : std::uint8_t { host_to_device, device_to_host, device_to_device };
  virtual void copy_async(void* to, const void* from, std::size_t bytes, CopyKind kind, StreamId stream = 0) = 0;
  virtual Event record_event(StreamId stream = 0) = 0;
  /// Work queued on `stream` after this call starts only when `event` has happened. Never blocks the host.
  virtual void wait_event(StreamId stream, Event event) = 0;
  virtual bool has_happened(Event event) = 0;
  /// Blocks the host until the queue is empty, and raises the first error that its work left behind.
  virtual void synchronize(StreamId stream = 0) = 0;
  virtual bool is_asynchronous() const = 0;

  /// Who decides where this device's storages are, or nullptr: they all stay. A manager, once set, is never destroyed.
  ResidencyManager* manager() const { return __atomic_load_n(&manager_, __ATOMIC_ACQUIRE); }
  void set_manager(ResidencyManager* manager) { __atomic_store_n(&manager_, manager, __ATOMIC_RELEASE); }
  /// Every storage with at least `listed_bytes` bytes of its own on this device.
  StorageList& storages() { return storages_; }

 private:
  Device device_;
  ResidencyManager* manager_ = nullptr;
  StorageList storages_;
};

/// The runtime of a device. Throws DeviceError for a device that this build or machine does not have.
DeviceRuntime& runtime_of(Device device);

namespace memory {
using Stats = MemoryStats;
/// What the device's runtime has counted; `reset_peak` gives cached blocks back and starts a new peak there.
Stats stats(Device device);
void reset_peak(Device device);
/// Upper bound of the bytes the device may hold, cached blocks included; 0 lifts it. Past it allocations throw OutOfMemory.
void set_byte_limit(Device device, std::size_t bytes);
/// Gives cached blocks back to the system; returns how many bytes.
std::size_t release_cached(Device device);
}  // namespace memory

inline namespace literals {
constexpr std::size_t operator""_KiB(unsigned long long n) { return static_cast<std::size_t>(n) << 10; }
constexpr std::size_t operator""_MiB(unsigned long long n) { return static_cast<std::size_t>(n) << 20; }
constexpr std::size_t operator""_GiB(unsigned long long n) { return static_cast<std::size_t>(n) << 30; }
}  // namespace literals

}  // namespace tasuki
