#pragma once
#include <atomic>
#include <thread>
#include <vector>

#include "src/core/sanitized.hpp"
#include "src/runtime/address_set.hpp"
#include "src/runtime/extents.hpp"
#include "src/runtime/placed_pages.hpp"
#include "src/runtime/step_places.hpp"
#include "tasuki/runtime/runtime.hpp"

namespace tasuki {

/// The host: synchronous, with an allocator that keeps freed blocks by size class, because malloc, touching and free of 16 MB
/// cost 90 to 320 us of page faults.
///
/// Under a limit the blocks that nobody uses are one store of pages, whatever size they had: a block is cut out of it where it has that
/// much in one place, else it is put together from what lies elsewhere by moving pages, because clearing a page costs the system ten
/// times as much as moving it. Even that takes time and breaks huge pages up: in steps that repeat every block has a place of its own,
/// and no page moves any more.
class CpuRuntime final : public DeviceRuntime {
 public:
  CpuRuntime();
  void* allocate(std::size_t bytes, StreamId stream) override;
  void deallocate(void* block, std::size_t bytes, StreamId stream) noexcept override;
  void* allocate_decommitted(std::size_t bytes) override;
  std::size_t block_bytes(std::size_t bytes) const override;
  std::size_t decommittable(BlockPart part) const override;
  std::size_t decommit(BlockPart part) override;
  void commit(BlockPart part) override;
  bool prefers_block(BlockPart part) const override;
  void next_step(std::uint64_t ended, std::uint64_t begins) override;
  std::size_t release_cached() override;
  MemoryStats memory_stats() const override;
  std::size_t capacity() const override;
  void reset_peak() override;
  void set_byte_limit(std::size_t bytes) override;
  void copy_async(void* to, const void* from, std::size_t bytes, CopyKind kind, StreamId stream) override;
  Event record_event(StreamId stream) override { return {stream, 0}; }
  void wait_event(StreamId, Event) override {}
  bool has_happened(Event) override { return true; }
  void synchronize(StreamId) override {}
  bool is_asynchronous() const override { return false; }

 private:
  static constexpr bool caching = !address_sanitized;
  /// From here on blocks come from mmap, and all size classes are whole pages.
  static std::size_t mapped() { return 16 * page_bytes(); }
  /// Mostly held for some ten instructions, so spinning beats a mutex.
  class Lock {
   public:
    explicit Lock(const CpuRuntime& runtime) : flag_(runtime.busy_) {
      while (flag_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
    }
    ~Lock() { flag_.clear(std::memory_order_release); }

   private:
    std::atomic_flag& flag_;
  };

  static void give_back(void* block, std::size_t block_bytes) noexcept;
  void* take_placed(std::size_t block_bytes);
  void note_block(void* block, std::size_t block_bytes) noexcept;
  void* take_cached(int size_class, std::size_t block_bytes);
  void* take_fresh(std::size_t block_bytes);
  bool reserve(std::size_t bytes, PageRanges* donors);
  void count_reserved(std::size_t bytes);
  void release_locked(std::size_t enough, PageRanges* donors = nullptr);
  std::size_t release_elsewhere(std::size_t enough, PageRanges* donors);
  void release_places();
  void begin_range();
  bool give_to_outlived(void* block, std::size_t block_bytes) noexcept;
  std::size_t release_spare(std::size_t enough, PageRanges* donors);
  std::size_t release_idle(std::size_t enough);
  std::size_t release_blocks(std::size_t enough);
  [[noreturn]] void no_room(std::size_t bytes, std::size_t block_bytes);

  mutable std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::vector<std::vector<void*>> cache_;
  Extents spare_;    // by address: pages that are in no block
  std::size_t pieces_ = 0;  // that were moved since the store was last emptied
  StepPlaces places_;
  PlacedPages placed_;
  std::vector<PlacedPages> outlived_;  // ranges of earlier places in which blocks have stayed
  AddressSet idle_;  // decommitted parts of blocks whose pages are still there
  AddressSet gaps_;  // and those without
  MemoryStats stats_;
};

}  // namespace tasuki
