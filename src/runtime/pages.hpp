#pragma once
#include <cstddef>

#include "tasuki/core/small_vector.hpp"

namespace tasuki {

/// Pages of a mapping, from one address on.
struct PageRange {
  char* begin = nullptr;
  std::size_t bytes = 0;
};
inline constexpr std::size_t most_ranges = 32;
using PageRanges = SmallVector<PageRange, most_ranges>;  ///< never more, so that it never asks for memory

/// What a huge page holds, and how mappings of at least that are aligned, so that huge pages fit them.
inline constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Of the system, ordinary ones.
std::size_t page_bytes() noexcept;

/// A private mapping of whole pages, all zeros; nullptr when the system refuses.
char* map_pages(std::size_t bytes) noexcept;
/// Addresses without memory, where any access stops the program; nullptr when the system refuses.
char* map_addresses(std::size_t bytes) noexcept;
void unmap_pages(PageRange pages) noexcept;
/// Has the system find memory for pages that will be written soon: a fault for each of them costs several times as much.
void populate_pages(PageRange pages) noexcept;

/// Like map_pages, from the pages of mappings that nobody needs any more as far as they go; what they held is still in them. Moving a
/// page costs the system a fraction of clearing a new one. `donors` become what is left of them, even when it fails.
char* remap_pages(std::size_t bytes, PageRanges& donors) noexcept;

}  // namespace tasuki
