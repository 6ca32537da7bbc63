#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tasuki/autograd/flat_layout.hpp"

namespace tasuki::dist {

/// Consecutive parameters of one group of a FlatLayout, which travel together.
struct BucketRange {
  std::size_t group, offset, bytes;  ///< of the group's address ranges
  std::vector<std::size_t> entries;  ///< the last one first
};

/// The whole layout in ranges of about `bytes` each, a parameter in one of them. The last parameters come first, since their
/// gradients do.
std::vector<BucketRange> bucket_ranges(const FlatLayout& layout, std::size_t bytes);

/// Cuts `bytes` into a slice for each process, in whole cache lines; the last ones may be shorter, or empty. Process r has what lies
/// between the r-th and the next bound, which count in elements of `element_bytes`.
std::vector<std::int64_t> slice_bounds(std::size_t bytes, int processes, std::size_t element_bytes);

}  // namespace tasuki::dist
