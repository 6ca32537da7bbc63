#include "src/runtime/cpu_runtime.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "src/runtime/size_class.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/runtime/residency.hpp"

namespace tasuki {

namespace {

constexpr std::size_t has_parts = std::size_t{1} << 20;  // from here on parts of a block give their pages back
constexpr std::size_t worth_moving = std::size_t{256} << 10;  // smaller pieces cost the system more than clearing as many pages
// Each piece stays a mapping of its own wherever it goes, and gets smaller. The system slows down with their number, and has an end of it.
constexpr std::size_t most_pieces = 1024;

}  // namespace

void CpuRuntime::give_back(void* block, std::size_t block_bytes) noexcept {
  if (block_bytes >= mapped()) unmap_pages({static_cast<char*>(block), block_bytes});
  else std::free(block);
}

CpuRuntime::CpuRuntime() : DeviceRuntime(Device::cpu()), cache_(size_classes) {}

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
  void* block = block_bytes >= mapped() ? take_placed(block_bytes) : nullptr;
  if (!block && !list.empty()) {
    block = list.back();
    list.pop_back();
  }
  if (!block && block_bytes >= mapped())
    if (const auto taken = spare_.take(block_bytes)) block = reinterpret_cast<void*>(taken->offset);
  if (!block) return nullptr;
  ++stats_.allocations;
  stats_.current_bytes += block_bytes;
  note_block(block, block_bytes);
  return block;
}

void CpuRuntime::count_reserved(std::size_t bytes) {
  stats_.reserved_bytes += bytes;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.reserved_bytes);
}

/// Counts `bytes` as held before they are asked for, so that two threads cannot pass the limit together. The pages that have to go for
/// it are the caller's.
bool CpuRuntime::reserve(std::size_t bytes, PageRanges* donors) {
  if (stats_.limit_bytes && stats_.reserved_bytes + bytes > stats_.limit_bytes) {
    if (stats_.current_bytes + bytes > stats_.limit_bytes) return false;
    release_locked(stats_.reserved_bytes + bytes - stats_.limit_bytes, donors);
    if (stats_.reserved_bytes + bytes > stats_.limit_bytes) return false;
  }
  count_reserved(bytes);
  stats_.current_bytes += bytes;
  return true;
}

void* CpuRuntime::take_fresh(std::size_t block_bytes) {
  PageRanges donors;
  bool reserved, limited;
  {
    const Lock lock(*this);
    limited = stats_.limit_bytes != 0;
    reserved = reserve(block_bytes, block_bytes >= mapped() ? &donors : nullptr);
  }
  void* block = nullptr;
  if (reserved && !donors.empty()) block = remap_pages(block_bytes, donors);
  for (const PageRange& rest : donors) unmap_pages(rest);
  if (!reserved) return nullptr;
  for (int attempt = 0; attempt < 2 && !block; ++attempt) {
    if (attempt) release_cached();
    block = block_bytes >= mapped() ? map_pages(block_bytes) : std::aligned_alloc(granule, block_bytes);
    if (block && limited && block_bytes >= mapped()) populate_pages({static_cast<char*>(block), block_bytes});
  }
  const Lock lock(*this);
  if (!block) {
    stats_.reserved_bytes -= block_bytes;
    stats_.current_bytes -= block_bytes;
    return nullptr;
  }
  ++stats_.allocations;
  ++stats_.system_allocations;
  note_block(block, block_bytes);
  return block;
}

std::size_t CpuRuntime::block_bytes(std::size_t bytes) const { return bytes ? size_class(bytes).bytes : 0; }

void CpuRuntime::deallocate(void* block, std::size_t bytes, StreamId) noexcept {
  if (!block) return;
  const SizeClass c = size_class(bytes);
  char *const begin = static_cast<char*>(block), *const end = begin + c.bytes;
  const Lock lock(*this);
  if (c.bytes >= mapped()) places_.freed(block);
  if (placed_.contains(block)) {
    placed_.give(block, c.bytes);
    stats_.current_bytes -= c.bytes;
    if (!stats_.limit_bytes) release_places();
    return;
  }
  if (!outlived_.empty() && give_to_outlived(block, c.bytes)) return;
  const std::size_t idle = idle_.empty() ? 0 : idle_.remove(begin, end), missing = gaps_.empty() ? 0 : gaps_.remove(begin, end);
  stats_.current_bytes -= c.bytes - missing - idle;
  if (caching && !missing) {
    try {
      if (stats_.limit_bytes && c.bytes >= mapped()) spare_.give(reinterpret_cast<std::size_t>(block), c.bytes);
      else cache_[c.index].push_back(block);
      return;
    } catch (const std::bad_alloc&) {  // no room to remember it: give it back instead
    }
  }
  stats_.reserved_bytes -= c.bytes - missing;
  give_back(block, c.bytes);
}

/// Gives what nobody uses back to the system: at least `enough` bytes, where there are so many. Pages that are worth it go to `donors`
/// instead, if there are any, and are then the caller's.
void CpuRuntime::release_locked(std::size_t enough, PageRanges* donors) {
  const std::size_t freed = release_elsewhere(enough, donors);
  if (freed < enough) stats_.reserved_bytes -= placed_.release(enough - freed);
}

std::size_t CpuRuntime::release_elsewhere(std::size_t enough, PageRanges* donors) {
  std::size_t freed = release_spare(enough, donors);
  if (freed < enough) freed += release_idle(enough - freed);
  if (freed < enough) freed += release_blocks(enough - freed);
  return freed;
}

std::size_t CpuRuntime::release_spare(std::size_t enough, PageRanges* donors) {
  if (pieces_ > most_pieces && spare_.free_bytes() > stats_.limit_bytes / 4) {
    enough = SIZE_MAX;
    donors = nullptr;
    pieces_ = 0;
  }
  std::size_t freed = 0;
  while (freed < enough && spare_.free_bytes() > 0) {
    const std::size_t page = page_bytes(), missing = std::max(std::min(enough - freed, spare_.free_bytes()), mapped());
    const bool moves = donors && donors->size() < most_ranges && spare_.largest_free() >= worth_moving;
    // What goes back is best taken from small pieces, of which nothing else can be made.
    const std::size_t bytes = std::min((missing + page - 1) / page * page, moves ? spare_.largest_free() : spare_.smallest_free());
    const PageRange pages{reinterpret_cast<char*>(spare_.take(bytes)->offset), bytes};
    if (moves) donors->push_back(pages);
    else unmap_pages(pages);
    pieces_ += moves;
    freed += bytes;
  }
  stats_.reserved_bytes -= freed;
  return freed;
}

namespace {

/// Without access a use before commit stops the program instead of reading zeros.
void take_pages(PageRange part) {
  // Where other processes see them as well, only the first of these gives pages back; elsewhere it is refused.
  if (madvise(part.begin, part.bytes, MADV_REMOVE) != 0) madvise(part.begin, part.bytes, MADV_DONTNEED);
  mprotect(part.begin, part.bytes, PROT_NONE);
}

}  // namespace

std::size_t CpuRuntime::release_idle(std::size_t enough) {
  std::size_t freed = 0;
  while (freed < enough && !idle_.empty()) {
    const PageRange part = idle_.remove_any();
    gaps_.add(part.begin, part.begin + part.bytes);
    take_pages(part);
    freed += part.bytes;
  }
  stats_.reserved_bytes -= freed;
  return freed;
}

/// The smallest cached blocks that will do, or else large ones first.
std::size_t CpuRuntime::release_blocks(std::size_t enough) {
  const auto is_full = [&](std::size_t i) { return !cache_[i].empty(); };
  std::size_t freed = 0, largest = cache_.size();
  while (freed < enough) {
    while (largest > 0 && !is_full(largest - 1)) --largest;
    if (largest == 0) break;
    std::size_t i = largest - 1;
    for (std::size_t j = i; j > 0 && bytes_of_class(j - 1) >= enough - freed; --j)
      if (is_full(j - 1)) i = j - 1;
    const std::size_t block_bytes = bytes_of_class(i);
    give_back(cache_[i].back(), block_bytes);
    cache_[i].pop_back();
    freed += block_bytes;
  }
  stats_.reserved_bytes -= freed;
  return freed;
}

std::size_t CpuRuntime::release_cached() {
  const Lock lock(*this);
  const std::size_t before = stats_.reserved_bytes;
  release_locked(SIZE_MAX);
  return before - stats_.reserved_bytes;
}

// ---- parts of blocks

namespace {

struct Pages {
  char *begin, *end;
  std::size_t bytes() const { return static_cast<std::size_t>(end - begin); }
};

/// The pages that a part has to itself, or all that it touches; none of blocks that share pages with others.
Pages pages_of(const BlockPart& part, bool shared) {
  const std::size_t page = page_bytes();
  char* const block = static_cast<char*>(part.block);  // aligned to a page
  if (part.bytes == 0 || size_class(part.block_bytes).bytes < has_parts) return {block, block};
  const std::size_t up = page - 1, last = part.offset + part.bytes;
  const std::size_t begin = (part.offset + (shared ? 0 : up)) / page * page, end = (last + (shared ? up : 0)) / page * page;
  return {block + begin, block + std::max(begin, end)};
}

}  // namespace

std::size_t CpuRuntime::decommittable(BlockPart part) const { return pages_of(part, false).bytes(); }

std::size_t CpuRuntime::decommit(BlockPart part) {
  const Pages pages = pages_of(part, false);
  if (pages.bytes() == 0) return 0;
  const Lock lock(*this);
  const std::size_t missing = gaps_.bytes_within(pages.begin, pages.end), idle = idle_.remove(pages.begin, pages.end);
  const std::size_t bytes = pages.bytes() - missing - idle;
  stats_.current_bytes -= bytes;
  if (caching && stats_.limit_bytes && missing == 0) {  // until somebody needs the pages, they can stay
    idle_.add(pages.begin, pages.end);
    return bytes;
  }
  gaps_.remove(pages.begin, pages.end);
  gaps_.add(pages.begin, pages.end);
  take_pages({pages.begin, pages.bytes()});
  stats_.reserved_bytes -= bytes + idle;
  return bytes;
}

void CpuRuntime::commit(BlockPart part) {
  const Pages pages = pages_of(part, true);
  for (;;) {
    std::size_t bytes;
    bool reserved;
    {
      const Lock lock(*this);
      stats_.current_bytes += idle_.remove(pages.begin, pages.end);
      places_.note_use(stats_.current_bytes);
      bytes = gaps_.bytes_within(pages.begin, pages.end);
      if (bytes == 0) return;
      reserved = reserve(bytes, nullptr);
      places_.note_use(stats_.current_bytes);
      if (reserved) {
        gaps_.remove(pages.begin, pages.end);
        mprotect(pages.begin, pages.bytes(), PROT_READ | PROT_WRITE);
      }
    }
    if (reserved) return populate_pages({pages.begin, pages.bytes()});
    if (!manager() || !manager()->make_room(bytes)) no_room(bytes, bytes);
  }
}

void* CpuRuntime::allocate_decommitted(std::size_t bytes) {
  const std::size_t block_bytes = size_class(bytes).bytes;
  if (block_bytes < has_parts) return allocate(bytes, 0);
  char* const block = map_addresses(block_bytes);
  if (!block) no_room(bytes, block_bytes);
  const Lock lock(*this);
  gaps_.add(block, block + block_bytes);
  return block;
}

bool CpuRuntime::prefers_block(BlockPart part) const {
  const std::size_t block = size_class(part.bytes).bytes;
  return block >= mapped() && block <= part.bytes + part.bytes / 32 + page_bytes() && decommittable(part) > 0;
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
  places_ = {};
  release_places();
  if (bytes == 0) return;
  for (auto i = static_cast<std::size_t>(size_class(mapped()).index); i < cache_.size(); ++i)
    for (auto& list = cache_[i]; !list.empty(); list.pop_back()) spare_.give(reinterpret_cast<std::size_t>(list.back()), bytes_of_class(i));
  if (stats_.reserved_bytes > bytes) release_locked(stats_.reserved_bytes - bytes);
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
