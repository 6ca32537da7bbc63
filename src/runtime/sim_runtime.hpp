#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "src/runtime/sim_memory.hpp"
#include "src/runtime/sim_queues.hpp"
#include "tasuki/runtime/runtime.hpp"

namespace tasuki {

/// An accelerator emulated on the CPU. Launches and copies are queued and run by threads of its own, in an order that only events
/// and queues restrict; its memory is counted exactly, byte for byte of what was handed out, rounded up to 256. The rules are those
/// of a GPU with a stream-ordered allocator: a block freed in host order may be handed out again at once, and whoever uses it next
/// on another queue waits for the work that was queued before it was freed.
class SimRuntime final : public DeviceRuntime {
 public:
  SimRuntime(int index, const SimOptions& options);
  /// Starts again with other options. Throws DeviceError while the device holds tensors.
  void configure(const SimOptions& options);
  const SimOptions& options() const { return options_; }
  const DeviceProfile& profile() const { return *profile_; }
  SimQueues& queues() { return *queues_; }

  /// Queues a launch that takes `seconds` by the virtual clock, and destroys those that are done.
  void launch(std::unique_ptr<SimWork> work, double seconds, StreamId stream = 0);
  /// sim::set_clock_only. What is queued already is done first.
  void set_clock_only(bool on);
  /// copy_async from host memory that may change as soon as this returns.
  void upload(void* to, const void* from, std::size_t bytes, StreamId stream = 0);

  void* allocate(std::size_t bytes, StreamId stream = 0) override;
  void* allocate_decommitted(std::size_t bytes) override;
  void deallocate(void* block, std::size_t bytes, StreamId stream = 0) noexcept override;
  std::size_t block_bytes(std::size_t bytes) const override { return (bytes + granule - 1) / granule * granule; }
  std::size_t decommittable(BlockPart part) const override;
  std::size_t decommit(BlockPart part) override;
  void commit(BlockPart part) override;
  std::size_t release_cached() override;
  MemoryStats memory_stats() const override;
  std::size_t capacity() const override { return options_.bytes; }
  void reset_peak() override;
  void set_byte_limit(std::size_t bytes) override;

  void copy_async(void* to, const void* from, std::size_t bytes, CopyKind kind, StreamId stream = 0) override;
  Event record_event(StreamId stream = 0) override { return queues_->record(stream); }
  void wait_event(StreamId stream, Event event) override { queues_->wait(stream, event); }
  bool has_happened(Event event) override { return queues_->poll(event); }
  void synchronize(StreamId stream = 0) override { queues_->synchronize(stream); }
  bool is_asynchronous() const override { return true; }

 private:
  static constexpr std::size_t granule = 256;
  void submit(StreamId stream, std::unique_ptr<SimWork> work, double seconds);
  bool reserve(std::size_t bytes);
  char* take(std::size_t block_bytes, StreamId stream);
  std::size_t forget_gaps(char* block, std::size_t bytes);
  void poison(void* data, std::size_t bytes, StreamId stream);
  [[noreturn]] void no_room(std::size_t bytes, std::size_t block_bytes) const;

  mutable std::mutex mutex_;  // of what follows; taken before that of the queues
  SimOptions options_;
  const DeviceProfile* profile_;
  std::unique_ptr<SimQueues> queues_;
  std::unique_ptr<SimMemory> memory_;
  std::map<char*, std::size_t> gaps_;  // decommitted parts of blocks
  MemoryStats stats_;
  std::atomic<bool> clock_only_{false};
};

/// The simulated device of an index, made on its first use. Throws DeviceError for an index that there cannot be.
SimRuntime& sim_runtime(Device device);

}  // namespace tasuki
