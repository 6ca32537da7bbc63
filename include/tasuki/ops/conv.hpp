#pragma once
#include <limits>

#include "tasuki/ops/spatial.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// Padding that keeps the size: dilation (k - 1) zeros in all, the odd one at the end. For stride 1.
inline constexpr SpatialInts same_padding = std::numeric_limits<std::int64_t>::min();

struct ConvOptions {
  SpatialInts stride = 1;
  SpatialInts padding = 0;   ///< zeros added on both sides, or same_padding
  SpatialInts dilation = 1;  ///< distance between the taps of the kernel
  std::int64_t groups = 1;   ///< input and output channels are split into this many independent convolutions
};

/// Cross-correlation, as in PyTorch: x [N, C, H, W], weight [O, C / groups, kh, kw], bias [O] or undefined; y [N, O, H', W'] with
/// H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down, and W' alike. conv1d takes x [N, C, W], conv3d
/// x [N, C, D, H, W], and a weight of as many dimensions.
///
///     y = ts::conv2d(x, weight, bias, {.stride = 2, .padding = {1, 0}});
///     y = ts::conv3d(volumes, weight, bias, {.padding = ts::same_padding});
///
/// Floating dtypes, all operands the same; bf16 and f16 are summed in f32. y is channels-last when x is and y has more than four
/// channels, else row-major; of volumes with one channel, which lie both ways, y is channels-last. Saves x and weight, each only if
/// the other wants a gradient. Differentiable any number of times. Bitwise repeatable for a fixed number of threads. Throws
/// ShapeError for operands that do not fit each other, ValueError for options that cannot work.
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const ConvOptions& options = {},
              SourceLocation at = SourceLocation::current());
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const ConvOptions& options = {},
              SourceLocation at = SourceLocation::current());
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const ConvOptions& options = {},
              SourceLocation at = SourceLocation::current());

struct ConvTransposeOptions {
  SpatialInts stride = 1;
  SpatialInts padding = 0;         ///< taken off both sides of the result
  SpatialInts output_padding = 0;  ///< added to the end of the result; less than stride or dilation
  SpatialInts dilation = 1;
  std::int64_t groups = 1;
};

/// The transposed map of a convolution: each element of x places the kernel, times itself, into the result. x [N, C, H, W], weight
/// [C, O / groups, kh, kw], bias [O] or undefined; y [N, O, H', W'] with
/// H' = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1, and W' alike.
///
///     y = ts::conv_transpose3d(x, weight, bias, {.stride = 2});      // kernel 2: twice the size
///
/// Dtypes, layouts, what is saved, derivatives and errors as conv2d.
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const ConvTransposeOptions& options = {},
                        SourceLocation at = SourceLocation::current());
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const ConvTransposeOptions& options = {},
                        SourceLocation at = SourceLocation::current());
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const ConvTransposeOptions& options = {},
                        SourceLocation at = SourceLocation::current());

}  // namespace tasuki
