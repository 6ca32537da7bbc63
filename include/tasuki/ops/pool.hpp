#pragma once
#include <limits>

#include "tasuki/ops/spatial.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// A stride that is left to the kernel's size: windows side by side.
inline constexpr SpatialInts stride_of_kernel = std::numeric_limits<std::int64_t>::min();

struct MaxPoolOptions {
  SpatialInts stride = stride_of_kernel;
  SpatialInts padding = 0;   ///< counts as minus infinity; at most half the kernel
  SpatialInts dilation = 1;
  bool ceil_mode = false;    ///< round the output size up: the last windows may hang over the edge
};

struct AvgPoolOptions {
  SpatialInts stride = stride_of_kernel;
  SpatialInts padding = 0;   ///< counts as zeros; at most half the kernel
  bool ceil_mode = false;
  bool count_include_pad = true;  ///< padding counts in the divisor
};

/// Largest value of each window: x [N, C, H, W] gives [N, C, H', W'] with H' as in conv2d (or rounded up with ceil_mode, but no
/// window starts beyond the image and its left padding); max_pool1d takes x [N, C, W], max_pool3d x [N, C, D, H, W]. A NaN in a
/// window is its maximum; of equal values the first, row by row, gets the gradient.
///
///     y = ts::max_pool2d(x, 2);                                  // 2x2 windows, side by side
///     y = ts::max_pool2d(x, 3, {.stride = 2, .padding = 1});
///
/// Floating dtypes; the layout (row-major or channels-last) stays. Saves one index per output: a byte for windows up to 256, else 4.
Tensor max_pool1d(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor max_pool2d(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor max_pool3d(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options = {}, SourceLocation at = SourceLocation::current());

/// Mean of each window; shapes as max_pool1d to 3d, without dilation. Saves nothing. (For another divisor d: multiply by the kernel's size / d.)
Tensor avg_pool1d(const Tensor& x, SpatialInts kernel, const AvgPoolOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor avg_pool2d(const Tensor& x, SpatialInts kernel, const AvgPoolOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor avg_pool3d(const Tensor& x, SpatialInts kernel, const AvgPoolOptions& options = {}, SourceLocation at = SourceLocation::current());

/// Mean of windows that cover the image in an `output` grid: window i runs from floor(i H / H') to ceil((i + 1) H / H').
/// `adaptive_avg_pool2d(x, 1)` is the global average. Saves nothing.
Tensor adaptive_avg_pool1d(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());
Tensor adaptive_avg_pool2d(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());
Tensor adaptive_avg_pool3d(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
