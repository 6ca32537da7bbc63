#pragma once
#include <array>
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// The windows of a pooling along one dimension.
struct MaxWindows {
  std::int64_t kernel = 1, stride = 1, padding = 0, dilation = 1;
};
/// Along depth, height, width; an image has one window of size 1 along the depth, a signal along the height too.
using MaxGrid = std::array<MaxWindows, 3>;

/// y = the largest element of each window of x; index = its place in the window, row by row (u8 or i32, laid out as y). NaN wins;
/// of equals the first. x, y: [n, c, w], [n, c, h, w] or [n, c, d, h, w], any strides.
void max_pool(const View& x, const View& y, const View& index, const MaxGrid& grid);
/// dx = the sum of the dy whose index points at it: the transposed map. dx is dense.
void max_pool_scatter(const View& dy, const View& index, const View& dx, const MaxGrid& grid);
/// y = the element of x that index names: the map that is linear in x.
void max_pool_gather(const View& x, const View& index, const View& y, const MaxGrid& grid);

/// One window of a mean along one dimension: elements begin..end of the image count, and the sum is divided by `length`.
struct MeanWindow {
  std::int64_t begin = 0, end = 0, length = 1;
};
/// The windows along depth, height, width: as many as y has elements there.
using MeanGrid = std::array<const MeanWindow*, 3>;

/// y = mean of each window.
void mean_pool(const View& x, const View& y, const MeanGrid& grid);
/// dx = dy spread over the windows: the transposed map. dx is dense.
void mean_pool_spread(const View& dy, const View& dx, const MeanGrid& grid);

/// 2x2 windows side by side over row-major f32 planes: `rows` output rows of `columns`, input rows `width` apart.
TASUKI_PER_ISA(void max_pool_2x2_rows(const float* x, std::int64_t width, float* y, std::uint8_t* index, std::int64_t rows, std::int64_t columns))
TASUKI_PER_ISA(void max_pool_2x2_scatter_rows(const float* dy, const std::uint8_t* index, float* dx, std::int64_t width, std::int64_t rows, std::int64_t columns))

}  // namespace tasuki::kernels::cpu
