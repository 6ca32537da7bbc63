#include "src/runtime/address_set.hpp"

#include <algorithm>
#include <iterator>

namespace tasuki {

std::size_t AddressSet::bytes_within(const char* begin, const char* end) const {
  std::size_t bytes = 0;
  for (const auto& [from, to] : ranges_)
    if (from < end && to > begin) bytes += static_cast<std::size_t>(std::min<const char*>(to, end) - std::max<const char*>(from, begin));
  return bytes;
}

std::size_t AddressSet::remove(char* begin, char* end) {
  std::size_t bytes = 0;
  auto range = ranges_.lower_bound(begin);
  if (range != ranges_.begin() && std::prev(range)->second > begin) --range;
  while (range != ranges_.end() && range->first < end) {
    const auto [from, to] = *range;
    range = ranges_.erase(range);
    bytes += static_cast<std::size_t>(std::min(to, end) - std::max(from, begin));
    if (from < begin) ranges_.emplace(from, begin);
    if (to > end) range = ranges_.emplace(end, to).first;
  }
  return bytes;
}

PageRange AddressSet::first_within(char* begin, char* end) const {
  auto range = ranges_.upper_bound(begin);
  if (range != ranges_.begin() && std::prev(range)->second > begin) --range;
  if (range == ranges_.end() || range->first >= end) return {};
  char* const from = std::max(range->first, begin);
  return {from, static_cast<std::size_t>(std::min(range->second, end) - from)};
}

PageRange AddressSet::remove_any() {
  if (ranges_.empty()) return {};
  const auto [from, to] = *ranges_.begin();
  ranges_.erase(ranges_.begin());
  return {from, static_cast<std::size_t>(to - from)};
}

}  // namespace tasuki
