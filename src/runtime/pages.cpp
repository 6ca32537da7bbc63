#include "src/runtime/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace tasuki {

namespace {

bool is_aligned(const char* address) { return reinterpret_cast<std::uintptr_t>(address) % huge_page == 0; }

char* map(std::size_t bytes, int protection, int flags) noexcept {
  void* const pages = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return pages == MAP_FAILED ? nullptr : static_cast<char*>(pages);
}

/// The system aligns whole huge pages by itself at best.
char* map_aligned(std::size_t bytes, int protection, int flags) noexcept {
  char* pages = nullptr;
  if (bytes < huge_page || bytes % huge_page == 0) {
    pages = map(bytes, protection, flags);
    if (!pages) return nullptr;
  }
  if (bytes >= huge_page && (!pages || !is_aligned(pages))) {
    if (pages) munmap(pages, bytes);
    pages = map(bytes + huge_page, protection, flags);
    if (!pages) return nullptr;
    const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(pages) % huge_page) % huge_page;
    unmap_pages({pages, before});
    unmap_pages({pages + before + bytes, huge_page - before});
    pages += before;
  }
  if (bytes >= huge_page) madvise(pages, bytes, MADV_HUGEPAGE);
  return pages;
}

/// How many bytes it could move. A mapping that was put together from others is several to the system, which moves one at a time.
std::size_t move(char* from, std::size_t bytes, char* to) noexcept {
  const std::size_t page = page_bytes();
  if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED) return bytes;
  if (bytes <= page) return 0;
  const std::size_t unit = bytes > huge_page ? huge_page : page;
  const std::size_t half = (bytes / 2 + unit - 1) / unit * unit;
  const std::size_t moved = move(from, half, to);
  return moved < half ? moved : half + move(from + half, bytes - half, to + half);
}

bool take(PageRange pages, char* to) noexcept {
  const std::size_t moved = move(pages.begin, pages.bytes, to);
  unmap_pages({pages.begin + moved, pages.bytes - moved});  // the rest alone: others may have got the addresses of what moved
  return moved == pages.bytes;
}

/// Huge pages stay whole where both ends are aligned for them.
void split_at_huge_page(PageRanges& donors) noexcept {
  const std::size_t count = donors.size();
  for (std::size_t i = 0; i < count && donors.size() < most_ranges; ++i) {
    const std::size_t head = (huge_page - reinterpret_cast<std::uintptr_t>(donors[i].begin) % huge_page) % huge_page;
    if (head == 0 || donors[i].bytes < head + huge_page) continue;
    donors.push_back({donors[i].begin, head});
    donors[i] = {donors[i].begin + head, donors[i].bytes - head};
  }
}

/// Where the moved pages end; nullptr when one could not be moved.
char* fill(char* to, char* end, PageRanges& donors) noexcept {
  if (static_cast<std::size_t>(end - to) >= huge_page && is_aligned(to)) split_at_huge_page(donors);
  for (const bool whole : {true, false})
    for (PageRange& donor : donors) {
      if (whole && !(is_aligned(to) && is_aligned(donor.begin))) continue;
      std::size_t bytes = std::min(donor.bytes, static_cast<std::size_t>(end - to));
      if (whole) bytes = bytes / huge_page * huge_page;
      if (bytes == 0) continue;
      const PageRange first{donor.begin, bytes};
      donor = {donor.begin + bytes, donor.bytes - bytes};
      if (!take(first, to)) return nullptr;
      to += bytes;
    }
  return to;
}

}  // namespace

std::size_t page_bytes() noexcept {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

char* map_pages(std::size_t bytes) noexcept { return map_aligned(bytes, PROT_READ | PROT_WRITE, 0); }
char* map_addresses(std::size_t bytes) noexcept { return map_aligned(bytes, PROT_NONE, MAP_NORESERVE); }

void unmap_pages(PageRange pages) noexcept {
  if (pages.bytes) munmap(pages.begin, pages.bytes);
}

void populate_pages([[maybe_unused]] PageRange pages) noexcept {
#ifdef MADV_POPULATE_WRITE
  if (pages.bytes) madvise(pages.begin, pages.bytes, MADV_POPULATE_WRITE);  // older kernels refuse, which costs time only
#endif
}

char* remap_pages(std::size_t bytes, PageRanges& donors) noexcept {
  char* const block = map_addresses(bytes);
  if (!block) return nullptr;
  char* const end = block + bytes;
  char* const filled = fill(block, end, donors);
  if (!filled || (filled != end && mprotect(filled, static_cast<std::size_t>(end - filled), PROT_READ | PROT_WRITE) != 0)) {
    unmap_pages({block, bytes});
    return nullptr;
  }
  populate_pages({filled, static_cast<std::size_t>(end - filled)});
  return block;
}

}  // namespace tasuki
