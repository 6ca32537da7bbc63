#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

// Elements in other places. Any dtype and strides; out has x's dtype.

/// Bit d of `dims`: dimension d runs backward.
void flip(const View& x, std::uint32_t dims, const View& out);
/// Element i of dimension d moves to (i + shifts[d]) mod size, 0 <= shifts[d] < max(size, 1).
void roll(const View& x, const std::int64_t* shifts, const View& out);
/// x with before[d] elements `value` in front of it in dimension d, and as many behind as out has room for. out is row-major; at least
/// one dimension.
void pad_constant(const View& x, const std::int64_t* before, double value, const View& out);
/// The elements [i, j] of each matrix with j - i >= offset (`upper`) or <= offset; zeros elsewhere.
void triangle(const View& x, std::int64_t offset, bool upper, const View& out);

}  // namespace tasuki::kernels::cpu
