#include "src/runtime/placed_pages.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace tasuki {

bool PlacedPages::reserve(std::size_t bytes) {
  if (range_.begin) return true;
  bytes = (bytes + huge_page - 1) / huge_page * huge_page;
  char* const begin = map_addresses(bytes);
  if (!begin) return false;
  range_ = {begin, bytes};
  unfilled_.add(begin, begin + bytes);
  return true;
}

PageRange PlacedPages::around(std::size_t offset, std::size_t bytes, std::size_t used, bool whole) const {
  const std::size_t unit = whole ? huge_page : 1;
  const std::size_t begin = offset / unit * unit, end = std::max(offset + bytes, std::min((offset + bytes + unit - 1) / unit * unit, used));
  return {range_.begin + begin, end - begin};
}

std::size_t PlacedPages::unfilled(std::size_t offset, std::size_t bytes, std::size_t used, bool whole) const {
  if (unfilled_.empty() || unfilled_.bytes_within(range_.begin + offset, range_.begin + offset + bytes) == 0) return 0;
  const PageRange r = around(offset, bytes, used, whole);
  return unfilled_.bytes_within(r.begin, r.begin + r.bytes);
}

void PlacedPages::fill(std::size_t offset, std::size_t bytes, std::size_t used, bool whole) {
  const PageRange r = around(offset, bytes, used, whole);
  for (PageRange part; (part = unfilled_.first_within(r.begin, r.begin + r.bytes)).bytes;) {
    unfilled_.remove(part.begin, part.begin + part.bytes);
    mprotect(part.begin, part.bytes, PROT_READ | PROT_WRITE);
    populate_pages(part);
    free_.give(offset_of(part.begin), part.bytes);
  }
}

void* PlacedPages::take_at(std::size_t offset, std::size_t bytes) { return free_.take_at(offset, bytes) ? range_.begin + offset : nullptr; }

std::size_t PlacedPages::release(std::size_t enough) {
  std::size_t freed = 0;
  while (freed < enough && free_.free_bytes() > 0) {
    const auto [offset, whole] = free_.last_free();
    const std::size_t missing = std::min(whole, enough - freed), bytes = (missing + page_bytes() - 1) / page_bytes() * page_bytes();
    char* const begin = range_.begin + offset + (whole - bytes);
    free_.take_at(offset + (whole - bytes), bytes);
    madvise(begin, bytes, MADV_DONTNEED);
    mprotect(begin, bytes, PROT_NONE);
    unfilled_.add(begin, begin + bytes);
    freed += bytes;
  }
  return freed;
}

void PlacedPages::unmap_if_unused() {
  if (!range_.begin || free_.free_bytes() > 0 || unfilled_.bytes_within(range_.begin, range_.begin + range_.bytes) < range_.bytes) return;
  unmap_pages(range_);
  range_ = {};
  unfilled_ = {};
}

}  // namespace tasuki
