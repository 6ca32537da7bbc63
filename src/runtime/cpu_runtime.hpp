#pragma once
#include <atomic>
#include <map>
#include <vector>

#include "src/runtime/pages.hpp"
#include "tasuki/runtime/runtime.hpp"

namespace tasuki {

/// The host: synchronous, with an allocator that keeps freed blocks by size class, because malloc, touching and free of 16 MB
/// cost 90 to 320 us of page faults. Under a limit, where blocks of one size have to go for those of another, they hand over their
/// pages.
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
  class Lock;
  void* take_cached(int size_class, std::size_t block_bytes);
  void* take_fresh(std::size_t block_bytes);
  bool reserve(std::size_t bytes, PageRanges& donors);
  void keep_rest(PageRange rest);
  std::size_t release_locked(std::size_t enough, PageRanges* donors = nullptr);
  std::size_t fill_gaps(char* begin, char* end);
  std::size_t gaps_within(const char* begin, const char* end) const;
  [[noreturn]] void no_room(std::size_t bytes, std::size_t block_bytes);

  mutable std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::vector<std::vector<void*>> cache_;
  std::map<char*, char*> gaps_;  // decommitted ranges: begin, end
  MemoryStats stats_;
};

}  // namespace tasuki
