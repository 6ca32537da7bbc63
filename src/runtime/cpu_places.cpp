// Places for the blocks of steps that repeat.
#include <algorithm>
#include <new>
#include <utility>

#include "src/runtime/cpu_runtime.hpp"
#include "tasuki/runtime/residency.hpp"

namespace tasuki {

/// Where the step under way has its next block, if it is known and free.
void* CpuRuntime::take_placed(std::size_t block_bytes) {
  const auto offset = places_.next(block_bytes);
  if (!offset || !placed_.reserve(stats_.limit_bytes)) return nullptr;
  const std::size_t used = places_.bytes();
  for (const bool whole : {true, false}) {
    const auto missing = [&] { return placed_.unfilled(*offset, block_bytes, used, whole); };
    if (missing() == 0) break;
    // A step that follows its places for the first time finds its memory elsewhere: what does not come in huge pages now may do so later.
    if (!whole && places_.is_first_time()) return nullptr;
    if (stats_.reserved_bytes + missing() > stats_.limit_bytes) {
      const std::size_t enough = stats_.reserved_bytes + missing() - stats_.limit_bytes;
      if (whole) release_elsewhere(enough, nullptr);
      else release_locked(enough);  // of other places, but maybe of this one, too
    }
    const std::size_t bytes = missing();
    if (stats_.reserved_bytes + bytes > stats_.limit_bytes) continue;
    count_reserved(bytes);
    placed_.fill(*offset, block_bytes, used, whole);
    break;
  }
  void* const block = placed_.take_at(*offset, block_bytes);
  if (!block) places_.misplaced();
  return block;
}

void CpuRuntime::note_block(void* block, std::size_t block_bytes) noexcept {
  if (!caching || !stats_.limit_bytes) return;
  try {
    if (block_bytes < mapped()) places_.note_use(stats_.current_bytes);
    else places_.allocated(block, block_bytes, stats_.current_bytes);
  } catch (const std::bad_alloc&) {  // a block without a place
  }
}

void CpuRuntime::release_places() {
  stats_.reserved_bytes -= placed_.release(SIZE_MAX);
  placed_.unmap_if_unused();
}

/// New places are in the way of no block that earlier ones have left: it stays where it is, and they get a range of their own.
void CpuRuntime::begin_range() {
  release_places();
  if (placed_.bytes() == 0) return;
  outlived_.push_back(std::exchange(placed_, {}));
}

bool CpuRuntime::give_to_outlived(void* block, std::size_t block_bytes) noexcept {
  for (std::size_t i = 0; i < outlived_.size(); ++i) {
    PlacedPages& range = outlived_[i];
    if (!range.contains(block)) continue;
    range.give(block, block_bytes);
    stats_.current_bytes -= block_bytes;
    stats_.reserved_bytes -= range.release(SIZE_MAX);
    range.unmap_if_unused();
    if (range.bytes() == 0) outlived_.erase(outlived_.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

void CpuRuntime::next_step(std::uint64_t ended, std::uint64_t begins) {
  std::size_t lacking = 0;
  {
    const Lock lock(*this);
    if (!stats_.limit_bytes) return;
    const std::size_t needs = places_.next_step(ended, begins);
    if (needs) begin_range();
    if (needs > stats_.limit_bytes) lacking = needs - stats_.limit_bytes;
  }
  if (lacking && manager()) manager()->lacks_places(lacking);
}

}  // namespace tasuki
