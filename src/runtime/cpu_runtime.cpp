#include "src/runtime/cpu_runtime.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <thread>

#include "src/core/sanitized.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/runtime/residency.hpp"

namespace tasuki {

namespace {

constexpr bool caching = !address_sanitized;

constexpr std::size_t granule = 64, small = 1024;
constexpr std::size_t mapped = std::size_t{1} << 20;  // from here on blocks come from mmap, in whole pages
constexpr int small_classes = small / granule, steps = 8;

/// Up to 1 KiB in steps of 64 bytes, then 8 sizes per power of two: at most 12.5 % of a block is unused.
struct SizeClass {
  int index;
  std::size_t bytes;
};
SizeClass size_class(std::size_t bytes) {
  if (bytes <= small) {
    const std::size_t units = (bytes + granule - 1) / granule;
    return {static_cast<int>(units) - 1, units * granule};
  }
  const int exponent = std::bit_width(bytes - 1) - 1;  // 2^exponent < bytes <= 2^(exponent + 1)
  const std::size_t unit = (std::size_t{1} << exponent) / steps;
  const std::size_t units = (bytes + unit - 1) / unit;
  return {small_classes + (exponent - 10) * steps + static_cast<int>(units) - steps - 1, units * unit};
}

std::size_t bytes_of_class(std::size_t i) {
  if (i < small_classes) return (i + 1) * granule;
  const std::size_t j = i - small_classes;
  return ((std::size_t{1} << (j / steps + 10)) / steps) * (j % steps + steps + 1);
}

void give_back(void* block, std::size_t block_bytes) noexcept {
  if (block_bytes >= mapped) unmap_pages({static_cast<char*>(block), block_bytes});
  else std::free(block);
}

}  // namespace

/// Held for some ten instructions, so spinning beats a mutex.
class CpuRuntime::Lock {
 public:
  explicit Lock(const CpuRuntime& runtime) : flag_(runtime.busy_) {
    while (flag_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  ~Lock() { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag& flag_;
};

CpuRuntime::CpuRuntime() : DeviceRuntime(Device::cpu()), cache_(small_classes + 54 * steps) {}

void* CpuRuntime::allocate(std::size_t bytes, StreamId) {
  if (bytes == 0) return nullptr;
  if (bytes > (std::size_t{1} << 62)) no_room(bytes, bytes);
  const SizeClass c = size_class(bytes);
  for (;;) {
    {
      const Lock lock(*this);
      if (void* block = take_cached(c.index, c.bytes)) return block;
    }
    if (void* block = take_fresh(c.bytes)) return block;
    if (!manager() || !manager()->make_room(c.bytes)) no_room(bytes, c.bytes);
  }
}

void* CpuRuntime::take_cached(int index, std::size_t block_bytes) {
  auto& list = cache_[index];
  if (list.empty()) return nullptr;
  void* block = list.back();
  list.pop_back();
  ++stats_.allocations;
  stats_.current_bytes += block_bytes;
  return block;
}

/// Counts `bytes` as held before they are asked for, so that two threads cannot pass the limit together. What cached blocks have to go
/// for it is the caller's: their pages, or else keep_rest.
bool CpuRuntime::reserve(std::size_t bytes, PageRanges& donors) {
  if (stats_.limit_bytes && stats_.reserved_bytes + bytes > stats_.limit_bytes) {
    if (stats_.current_bytes + bytes > stats_.limit_bytes) return false;
    release_locked(stats_.reserved_bytes + bytes - stats_.limit_bytes, &donors);
    if (stats_.reserved_bytes + bytes > stats_.limit_bytes) return false;
  }
  stats_.reserved_bytes += bytes;
  stats_.current_bytes += bytes;
  if (stats_.reserved_bytes > stats_.peak_bytes) stats_.peak_bytes = stats_.reserved_bytes;
  return true;
}

void* CpuRuntime::take_fresh(std::size_t block_bytes) {
  PageRanges donors;
  bool reserved;
  {
    const Lock lock(*this);
    reserved = reserve(block_bytes, donors);
  }
  void* block = nullptr;
  if (reserved && block_bytes >= mapped && !donors.empty()) block = remap_pages(block_bytes, donors);
  for (const PageRange& rest : donors) keep_rest(rest);
  if (!reserved) return nullptr;
  for (int attempt = 0; attempt < 2 && !block; ++attempt) {
    if (attempt) release_cached();
    block = block_bytes >= mapped ? map_pages(block_bytes) : std::aligned_alloc(granule, block_bytes);
  }
  const Lock lock(*this);
  if (!block) {
    stats_.reserved_bytes -= block_bytes;
    stats_.current_bytes -= block_bytes;
    return nullptr;
  }
  ++stats_.allocations;
  ++stats_.system_allocations;
  return block;
}

/// What is left of a block that went for another one becomes a block of the largest size that it and the limit have room for.
void CpuRuntime::keep_rest(PageRange rest) {
  if (rest.bytes >= mapped) {
    const Lock lock(*this);
    const std::size_t room = stats_.limit_bytes - std::min(stats_.limit_bytes, stats_.reserved_bytes), most = std::min(rest.bytes, room);
    if (most >= mapped) {
      SizeClass c = size_class(most);
      if (c.bytes > most) c = {c.index - 1, bytes_of_class(static_cast<std::size_t>(c.index) - 1)};
      try {
        cache_[c.index].push_back(rest.begin);
        stats_.reserved_bytes += c.bytes;
        stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.reserved_bytes);
        rest = {rest.begin + c.bytes, rest.bytes - c.bytes};
      } catch (const std::bad_alloc&) {  // no room to remember it: give it back instead
      }
    }
  }
  unmap_pages(rest);
}

std::size_t CpuRuntime::block_bytes(std::size_t bytes) const { return bytes ? size_class(bytes).bytes : 0; }

void CpuRuntime::deallocate(void* block, std::size_t bytes, StreamId) noexcept {
  if (!block) return;
  const SizeClass c = size_class(bytes);
  const Lock lock(*this);
  const std::size_t missing = gaps_.empty() ? 0 : fill_gaps(static_cast<char*>(block), static_cast<char*>(block) + c.bytes);
  stats_.current_bytes -= c.bytes - missing;
  if (caching && !missing) {
    try {
      cache_[c.index].push_back(block);
      return;
    } catch (const std::bad_alloc&) {  // no room to remember it: give it back instead
    }
  }
  stats_.reserved_bytes -= c.bytes - missing;
  give_back(block, c.bytes);
}

/// Gives cached blocks back until at least `enough` bytes are free again: the smallest that will do, or else large ones first. Those
/// of whole pages go to `donors`, if there are any, and are then the caller's.
std::size_t CpuRuntime::release_locked(std::size_t enough, PageRanges* donors) {
  const auto is_full = [&](std::size_t i) { return !cache_[i].empty(); };
  std::size_t freed = 0, largest = cache_.size();
  while (freed < enough) {
    while (largest > 0 && !is_full(largest - 1)) --largest;
    if (largest == 0) break;
    std::size_t i = largest - 1;
    for (std::size_t j = i; j > 0 && bytes_of_class(j - 1) >= enough - freed; --j)
      if (is_full(j - 1)) i = j - 1;
    const std::size_t block_bytes = bytes_of_class(i);
    void* const block = cache_[i].back();
    cache_[i].pop_back();
    if (donors && block_bytes >= mapped && donors->size() < most_ranges) donors->push_back({static_cast<char*>(block), block_bytes});
    else give_back(block, block_bytes);
    freed += block_bytes;
  }
  stats_.reserved_bytes -= freed;
  return freed;
}

std::size_t CpuRuntime::release_cached() {
  const Lock lock(*this);
  return release_locked(SIZE_MAX);
}

// ---- parts of blocks

namespace {

struct Pages {
  char *begin, *end;
  std::size_t bytes() const { return static_cast<std::size_t>(end - begin); }
};

/// The pages that a part has to itself, or all that it touches; none of blocks that share pages with others.
Pages pages_of(const BlockPart& part, bool shared) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char* const block = static_cast<char*>(part.block);  // aligned to a page
  if (part.bytes == 0 || size_class(part.block_bytes).bytes < mapped) return {block, block};
  const std::size_t up = page - 1, last = part.offset + part.bytes;
  const std::size_t begin = (part.offset + (shared ? 0 : up)) / page * page, end = (last + (shared ? up : 0)) / page * page;
  return {block + begin, block + std::max(begin, end)};
}

}  // namespace

std::size_t CpuRuntime::decommittable(BlockPart part) const { return pages_of(part, false).bytes(); }

std::size_t CpuRuntime::gaps_within(const char* begin, const char* end) const {
  std::size_t bytes = 0;
  for (const auto& [from, to] : gaps_)
    if (from < end && to > begin) bytes += static_cast<std::size_t>(std::min<const char*>(to, end) - std::max<const char*>(from, begin));
  return bytes;
}

/// Removes [begin, end) from the gaps; how many of its bytes were in one.
std::size_t CpuRuntime::fill_gaps(char* begin, char* end) {
  std::size_t bytes = 0;
  auto gap = gaps_.lower_bound(begin);
  if (gap != gaps_.begin() && std::prev(gap)->second > begin) --gap;
  while (gap != gaps_.end() && gap->first < end) {
    const auto [from, to] = *gap;
    gap = gaps_.erase(gap);
    bytes += static_cast<std::size_t>(std::min(to, end) - std::max(from, begin));
    if (from < begin) gaps_.emplace(from, begin);
    if (to > end) gap = gaps_.emplace(end, to).first;
  }
  return bytes;
}

std::size_t CpuRuntime::decommit(BlockPart part) {
  const Pages pages = pages_of(part, false);
  if (pages.bytes() == 0) return 0;
  const Lock lock(*this);
  const std::size_t bytes = pages.bytes() - fill_gaps(pages.begin, pages.end);
  gaps_.emplace(pages.begin, pages.end);
  // Without access a use before commit stops the program instead of reading zeros.
  // Where other processes see them as well, only the first of these gives pages back; elsewhere it is refused.
  if (madvise(pages.begin, pages.bytes(), MADV_REMOVE) != 0) madvise(pages.begin, pages.bytes(), MADV_DONTNEED);
  mprotect(pages.begin, pages.bytes(), PROT_NONE);
  stats_.reserved_bytes -= bytes;
  stats_.current_bytes -= bytes;
  return bytes;
}

void CpuRuntime::commit(BlockPart part) {
  const Pages pages = pages_of(part, true);
  for (;;) {
    std::size_t bytes;
    PageRanges donors;
    bool committed = false;
    {
      const Lock lock(*this);
      bytes = gaps_within(pages.begin, pages.end);
      if (bytes == 0) return;
      committed = reserve(bytes, donors);
      if (committed) {
        fill_gaps(pages.begin, pages.end);
        mprotect(pages.begin, pages.bytes(), PROT_READ | PROT_WRITE);
      }
    }
    if (committed) populate_pages({pages.begin, pages.bytes()});
    for (const PageRange& rest : donors) keep_rest(rest);
    if (committed) return;
    if (!manager() || !manager()->make_room(bytes)) no_room(bytes, bytes);
  }
}

void* CpuRuntime::allocate_decommitted(std::size_t bytes) {
  const std::size_t block_bytes = size_class(bytes).bytes;
  if (block_bytes < mapped) return allocate(bytes, 0);
  char* const block = map_addresses(block_bytes);
  if (!block) no_room(bytes, block_bytes);
  const Lock lock(*this);
  gaps_.emplace(block, block + block_bytes);
  return block;
}

MemoryStats CpuRuntime::memory_stats() const {
  const Lock lock(*this);
  return stats_;
}

std::size_t CpuRuntime::capacity() const {
  return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void CpuRuntime::reset_peak() {
  const Lock lock(*this);
  release_locked(SIZE_MAX);
  stats_.peak_bytes = stats_.reserved_bytes;
}

void CpuRuntime::set_byte_limit(std::size_t bytes) {
  const Lock lock(*this);
  stats_.limit_bytes = bytes;
  if (bytes && stats_.reserved_bytes > bytes) release_locked(stats_.reserved_bytes - bytes);
}

void CpuRuntime::copy_async(void* to, const void* from, std::size_t bytes, CopyKind, StreamId) {
  if (bytes) std::memcpy(to, from, bytes);
}

void CpuRuntime::no_room(std::size_t bytes, std::size_t block_bytes) {
  const MemoryStats s = memory_stats();
  if (s.limit_bytes)
    TASUKI_THROW(OutOfMemory, "expected  room for ", bytes, " bytes on ", device(), "\nactual    ", s.current_bytes, " bytes in use of a limit of ",
                 s.limit_bytes, "; this launch needs a limit of at least ", s.current_bytes + block_bytes,
                 "\nraise it with ts::memory::set_byte_limit, or use a smaller batch");
  TASUKI_THROW(OutOfMemory, "expected  room for ", bytes, " bytes on ", device(), "\nactual    the system refused; ", s.current_bytes,
               " bytes are in use by tensors\nuse a smaller batch, or look for a shape that is larger than meant");
}

}  // namespace tasuki
