#pragma once
#include <cstddef>
#include <utility>

#include "src/runtime/address_set.hpp"
#include "src/runtime/extents.hpp"
#include "src/runtime/pages.hpp"

namespace tasuki {

/// One range of addresses in which every block of a step has its place. Memory comes to it with the first block that needs it, a huge
/// page at a time where there is one, and stays. Offsets and sizes are whole pages. Not locked.
class PlacedPages {
 public:
  PlacedPages() = default;
  ~PlacedPages() { unmap_pages(range_); }
  PlacedPages(const PlacedPages&) = delete;
  PlacedPages& operator=(const PlacedPages&) = delete;
  PlacedPages(PlacedPages&& other) noexcept { swap(other); }
  PlacedPages& operator=(PlacedPages&& other) noexcept {
    swap(other);
    return *this;
  }
  void swap(PlacedPages& other) noexcept {
    std::swap(range_, other.range_);
    std::swap(free_, other.free_);
    std::swap(unfilled_, other.unfilled_);
  }

  /// Addresses for that many bytes, if there are none; false when the system has none.
  bool reserve(std::size_t bytes);
  std::size_t bytes() const { return range_.bytes; }
  bool contains(const void* block) const { return block >= range_.begin && block < range_.begin + range_.bytes; }
  std::size_t free_bytes() const { return free_.free_bytes(); }

  /// The part of a place that has no memory, in whole huge pages within the first `used` bytes of the range or exactly: what fill()
  /// would get from the system.
  std::size_t unfilled(std::size_t offset, std::size_t bytes, std::size_t used, bool whole) const;
  void fill(std::size_t offset, std::size_t bytes, std::size_t used, bool whole);
  /// nullptr when somebody else has a part of the place.
  void* take_at(std::size_t offset, std::size_t bytes);
  void give(void* block, std::size_t bytes) { free_.give(offset_of(block), bytes); }
  /// Gives the memory of free parts back to the system, `enough` of it or all there is: how much. The end of the range goes first, where
  /// only the largest steps have places.
  std::size_t release(std::size_t enough);
  /// Gives the addresses back where no block has any.
  void unmap_if_unused();

 private:
  std::size_t offset_of(const void* block) const { return static_cast<std::size_t>(static_cast<const char*>(block) - range_.begin); }
  PageRange around(std::size_t offset, std::size_t bytes, std::size_t used, bool whole) const;

  PageRange range_;
  Extents free_;         // with memory
  AddressSet unfilled_;  // without
};

}  // namespace tasuki
