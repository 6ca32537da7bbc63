#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// counts (i64) [b] = how many elements of x (floating) lie in bin b of [low, high]; bins are of equal width, and high itself is in the
/// last one. NaN and what lies outside is in none. Both are row-major.
void histogram(const View& x, double low, double high, const View& counts, void* workspace);
std::size_t histogram_workspace(std::int64_t elements, std::int64_t bins);

/// counts (i64) [v] = how often v is in x (i64 or i32, row-major), which has nothing outside [0, counts.numel).
void count_values(const View& x, const View& counts, void* workspace);

struct IntegerRange {
  std::int64_t low, high;
};
/// The smallest and the largest element of x (i64 or i32, row-major, not empty).
IntegerRange integer_range(const View& x);
TASUKI_PER_ISA(IntegerRange range_of_integers(DType dtype, const void* x, std::int64_t n))

}  // namespace tasuki::kernels::cpu
