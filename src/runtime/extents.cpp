#include "src/runtime/extents.hpp"

#include "tasuki/core/error.hpp"

namespace tasuki {

namespace {
Event later(Event a, Event b) { return a.ticket < b.ticket ? b : a; }
}  // namespace

std::optional<Extents::Taken> Extents::take(std::size_t bytes) {
  const auto fit = by_size_.lower_bound({bytes, {}});
  if (fit == by_size_.end()) return std::nullopt;
  const std::size_t offset = fit->second;
  by_size_.erase(fit);
  const auto place = free_.find(offset);
  const Part part = place->second;
  free_.erase(place);
  if (part.bytes > bytes) {
    free_.emplace(offset + bytes, Part{part.bytes - bytes, part.last_use});
    by_size_.emplace(part.bytes - bytes, offset + bytes);
  }
  free_bytes_ -= bytes;
  return Taken{offset, part.last_use};
}

bool Extents::take_at(std::size_t offset, std::size_t bytes) {
  auto place = free_.upper_bound(offset);
  if (place == free_.begin()) return false;
  --place;
  const std::size_t begin = place->first, end = begin + place->second.bytes;
  if (offset + bytes > end) return false;
  const Event last_use = place->second.last_use;
  by_size_.erase({place->second.bytes, begin});
  free_.erase(place);
  const auto keep = [&](std::size_t from, std::size_t to) {
    if (from == to) return;
    free_.emplace(from, Part{to - from, last_use});
    by_size_.emplace(to - from, from);
  };
  keep(begin, offset);
  keep(offset + bytes, end);
  free_bytes_ -= bytes;
  return true;
}

void Extents::insert(std::size_t offset, Part part) {
  const std::size_t bytes = part.bytes;
  auto after = free_.lower_bound(offset);
  if (after != free_.end() && offset + part.bytes > after->first)
    TASUKI_THROW(InternalError, "an extent of ", part.bytes, " bytes at ", offset, " was given back twice");
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second.bytes > offset)
      TASUKI_THROW(InternalError, "an extent of ", part.bytes, " bytes at ", offset, " was given back twice");
    if (before->first + before->second.bytes == offset) {
      offset = before->first;
      part = {part.bytes + before->second.bytes, later(part.last_use, before->second.last_use)};
      by_size_.erase({before->second.bytes, before->first});
      free_.erase(before);
    }
  }
  if (after != free_.end() && offset + part.bytes == after->first) {
    part = {part.bytes + after->second.bytes, later(part.last_use, after->second.last_use)};
    by_size_.erase({after->second.bytes, after->first});
    free_.erase(after);
  }
  free_.emplace(offset, part);
  by_size_.emplace(part.bytes, offset);
  free_bytes_ += bytes;
}

void Extents::grow(std::size_t bytes) {
  insert(size_, {bytes, {}});
  size_ += bytes;
}

}  // namespace tasuki
