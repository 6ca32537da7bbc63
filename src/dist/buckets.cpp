#include "src/dist/buckets.hpp"

#include <algorithm>

namespace tasuki::dist {

std::vector<BucketRange> bucket_ranges(const FlatLayout& layout, std::size_t bytes) {
  const auto& entries = layout.entries();
  std::vector<BucketRange> buckets;
  for (std::size_t g = 0; g < layout.groups().size(); ++g) {
    bool open = false;
    for (std::size_t i = entries.size(); i-- > 0;) {
      const FlatLayout::Entry& e = entries[i];
      if (e.group != g) continue;
      if (!open || buckets.back().bytes >= bytes) {
        buckets.push_back({g, e.offset, e.bytes, {}});
        open = true;
      }
      BucketRange& b = buckets.back();
      b.bytes += b.offset - e.offset;
      b.offset = e.offset;
      b.entries.push_back(i);
    }
  }
  return buckets;
}

std::vector<std::int64_t> slice_bounds(std::size_t bytes, int processes, std::size_t element_bytes) {
  const std::size_t unit = FlatLayout::alignment * static_cast<std::size_t>(processes), share = (bytes + unit - 1) / unit * FlatLayout::alignment;
  std::vector<std::int64_t> bounds;
  for (int r = 0; r <= processes; ++r) bounds.push_back(static_cast<std::int64_t>(std::min(bytes, static_cast<std::size_t>(r) * share) / element_bytes));
  bounds.back() = static_cast<std::int64_t>(bytes / element_bytes);
  return bounds;
}

}  // namespace tasuki::dist
