#include "src/memory/extents.hpp"

#include <algorithm>

#include "tasuki/core/error.hpp"

namespace tasuki::memory {

std::optional<Extents::Taken> Extents::take(std::size_t bytes) {
  const auto fit = by_size_.lower_bound({bytes, 0});
  if (fit == by_size_.end()) return std::nullopt;
  const std::size_t offset = fit->second;
  by_size_.erase(fit);
  const auto place = free_.find(offset);
  const Part part = place->second;
  free_.erase(place);
  if (part.bytes > bytes) {
    free_.emplace(offset + bytes, Part{part.bytes - bytes, part.stamp});
    by_size_.emplace(part.bytes - bytes, offset + bytes);
  }
  in_use_ += bytes;
  return Taken{offset, part.stamp};
}

void Extents::insert(std::size_t offset, Part part) {
  auto after = free_.lower_bound(offset);
  if (after != free_.end() && offset + part.bytes > after->first)
    TASUKI_THROW(InternalError, "an extent of ", part.bytes, " bytes at ", offset, " was given back twice");
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second.bytes > offset)
      TASUKI_THROW(InternalError, "an extent of ", part.bytes, " bytes at ", offset, " was given back twice");
    if (before->first + before->second.bytes == offset) {
      offset = before->first;
      part = {part.bytes + before->second.bytes, std::max(part.stamp, before->second.stamp)};
      by_size_.erase({before->second.bytes, before->first});
      free_.erase(before);
    }
  }
  if (after != free_.end() && offset + part.bytes == after->first) {
    part = {part.bytes + after->second.bytes, std::max(part.stamp, after->second.stamp)};
    by_size_.erase({after->second.bytes, after->first});
    free_.erase(after);
  }
  free_.emplace(offset, part);
  by_size_.emplace(part.bytes, offset);
}

void Extents::give(std::size_t offset, std::size_t bytes, std::uint64_t stamp) {
  insert(offset, {bytes, stamp});
  in_use_ -= bytes;
}

void Extents::grow(std::size_t bytes) {
  insert(size_, {bytes, 0});
  size_ += bytes;
}

}  // namespace tasuki::memory
