#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// counts (i64) [b] = how many elements of x (floating) lie in bin b of [low, high]; bins are of equal width, and high itself is in the
/// last one. NaN and what lies outside is in none. Both are row-major.
void histogram(const View& x, double low, double high, const View& counts, void* workspace);
std::size_t histogram_workspace(std::int64_t elements, std::int64_t bins);

}  // namespace tasuki::kernels::cpu
