#pragma once
#include "tasuki/ops/spatial.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct FoldOptions {
  SpatialInts dilation = 1, padding = 0, stride = 1;
};

/// The windows of images as columns, what a convolution multiplies: x [N, C, H, W] gives [N, C kh kw, L], where column l holds the window
/// at place l (row by row, as many as conv2d has outputs). Padding is of zeros.
///
///     columns = ts::unfold(x, 3, {.padding = 1});
///     y = ts::matmul(weight.flatten(1), columns);     // conv2d(x, weight, {}, {.padding = 1}) before its reshape
///
/// Any dtype. Saves nothing. Differentiable any number of times; deterministic. ShapeError, ValueError as conv2d.
Tensor unfold(const Tensor& x, const SpatialInts& kernel, const FoldOptions& options = {}, SourceLocation at = SourceLocation::current());

/// Its adjoint: columns [N, C kh kw, L] are added up into images [N, C, height, width].
Tensor fold(const Tensor& columns, const SpatialInts& output, const SpatialInts& kernel, const FoldOptions& options = {},
            SourceLocation at = SourceLocation::current());

}  // namespace tasuki
