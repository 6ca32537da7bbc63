#pragma once
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// The windows of a pooling along one dimension of an image.
struct MaxWindows {
  std::int64_t kernel = 1, stride = 1, padding = 0, dilation = 1;
};

/// y = the largest element of each window of x; index = its place in the window, row by row (u8 or i32, laid out as y). NaN wins;
/// of equals the first. x, y: [n, c, h, w], any strides.
void max_pool2d(const View& x, const View& y, const View& index, const MaxWindows& h, const MaxWindows& w);
/// dx = the sum of the dy whose index points at it: the transposed map. dx is dense.
void max_pool2d_scatter(const View& dy, const View& index, const View& dx, const MaxWindows& h, const MaxWindows& w);
/// y = the element of x that index names: the map that is linear in x.
void max_pool2d_gather(const View& x, const View& index, const View& y, const MaxWindows& h, const MaxWindows& w);

/// One window of a mean along one dimension: elements begin..end of the image count, and the sum is divided by `length`.
struct MeanWindow {
  std::int64_t begin = 0, end = 0, length = 1;
};

/// y = mean of each window. `h` has y.size(2) windows, `w` y.size(3).
void mean_pool2d(const View& x, const View& y, const MeanWindow* h, const MeanWindow* w);
/// dx = dy spread over the windows: the transposed map. dx is dense.
void mean_pool2d_spread(const View& dy, const View& dx, const MeanWindow* h, const MeanWindow* w);

/// 2x2 windows side by side over row-major f32 planes: `rows` output rows of `columns`, input rows `width` apart.
TASUKI_PER_ISA(void max_pool_2x2_rows(const float* x, std::int64_t width, float* y, std::uint8_t* index, std::int64_t rows, std::int64_t columns))
TASUKI_PER_ISA(void max_pool_2x2_scatter_rows(const float* dy, const std::uint8_t* index, float* dx, std::int64_t width, std::int64_t rows, std::int64_t columns))

}  // namespace tasuki::kernels::cpu
