#pragma once
#include "tasuki/ops/int_pair.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct Conv2dOptions {
  IntPair stride = 1;
  IntPair padding = 0;   ///< zeros added on both sides
  IntPair dilation = 1;  ///< distance between the taps of the kernel
  std::int64_t groups = 1;  ///< input and output channels are split into this many independent convolutions
};

/// Cross-correlation of images, as in PyTorch: x [N, C, H, W], weight [O, C / groups, kh, kw], bias [O] or undefined;
/// y [N, O, H', W'] with H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down, and W' alike.
///
///     y = ts::conv2d(x, weight, bias, {.stride = 2, .padding = {1, 0}});
///
/// Floating dtypes, all operands the same; bf16 and f16 are summed in f32. y is channels-last when x is channels-last and has
/// more than four channels, else row-major. Saves x and weight, each only if the other wants a gradient.
/// Bitwise repeatable for a fixed number of threads. Throws ShapeError for operands that do not fit each other, ValueError for
/// options that cannot work.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv2dOptions& options = {},
              SourceLocation at = SourceLocation::current());

}  // namespace tasuki
