#pragma once
#include <cstdint>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// linear: of 4 or 8 neighbours; cubic: of 16, in images. The names of PyTorch's modes mean the same.
enum class GridSampleMode : std::uint8_t { linear, nearest, cubic, bilinear = linear, bicubic = cubic };
enum class GridSamplePadding : std::uint8_t { zeros, border, reflection };    ///< what lies outside the image

struct GridSampleOptions {
  GridSampleMode mode = GridSampleMode::linear;
  GridSamplePadding padding = GridSamplePadding::zeros;
  bool align_corners = false;  ///< -1 and 1 are the centres of the corner pixels, not their outer edges
};

/// Images read at places that a grid names: x [N, C, H, W], grid [N, H', W', 2] of (x, y) in [-1, 1], y [N, C, H', W']; or x [N, C, D, H, W],
/// grid [N, D', H', W', 3] of (x, y, z). Jaderberg et al., 2015; PyTorch's formulas. A NaN in the grid gives NaN.
///
///     y = ts::grid_sample(x, ts::affine_grid(theta, x.shape()));
///
/// Floating dtypes, the same for both; halves are computed, and saved, in f32. Results are row-major. Saves x and grid, x only for the gradient of grid. Differentiable in x
/// and (but for nearest) grid, any number of times: gradients of gradients by ordinary ops. Deterministic for any number of threads. Errors: ShapeError, DTypeError.
Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options = {}, SourceLocation at = SourceLocation::current());

/// The grid under which grid_sample applies theta [N, 2, 3] (or [N, 3, 4]) to images of shape `size` [N, C, H, W] (or [N, C, D, H, W]):
/// place (x, y) reads at theta (x, y, 1). Differentiable any number of times.
Tensor affine_grid(const Tensor& theta, const Shape& size, bool align_corners = false, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
