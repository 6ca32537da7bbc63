#pragma once
#include <initializer_list>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// How values between the elements of a grid are made. The names of PyTorch's modes for two and three dimensions mean the same.
enum class Interpolation : std::uint8_t { nearest, linear, cubic, bilinear = linear, trilinear = linear, bicubic = cubic };

/// A factor for each spatial dimension, or one number for all: `.scale = 2` and `.scale = {2, 1.5}`.
class SpatialScale {
 public:
  constexpr SpatialScale() = default;
  constexpr SpatialScale(double all) : factor_{all}, count_(1) {}
  constexpr SpatialScale(std::initializer_list<double> list) {
    for (double f : list) {
      if (count_ == 3) TASUKI_THROW(ValueError, "expected  at most 3 scales, one per spatial dimension\nactual    ", list.size());
      factor_[count_++] = f;
    }
  }
  constexpr int count() const { return count_; }
  constexpr double operator[](int d) const { return factor_[count_ == 1 ? 0 : d]; }

 private:
  double factor_[3] = {};
  int count_ = 0;
};

struct InterpolateOptions {
  Shape size = {};         ///< of the result's spatial dimensions: this or `scale`
  SpatialScale scale = {};  ///< the result has floor(size * scale) elements
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;  ///< the first and last elements of both grids coincide, rather than the outer edges of their pixels
};

/// x [N, C, W], [N, C, H, W] or [N, C, D, H, W] on a grid of another size: N and C stay.
///
///     y = ts::interpolate(x, {.scale = 2});                                                    // repeats each pixel
///     y = ts::interpolate(x, {.size = {65, 65}, .mode = ts::Interpolation::bilinear});
///
/// Along each dimension output i reads position (i + 1/2) / s - 1/2 of the input, where s is the given scale or the ratio of the
/// sizes; with align_corners, i (in - 1) / (out - 1). linear mixes the two neighbours of that position, cubic four (a = -3/4), with
/// positions outside the grid moved to its edge; nearest takes element floor(i / s). As PyTorch's interpolate; positions are
/// computed in double for every dtype.
///
/// Floating dtypes, any strides; row-major and channels-last inputs give results laid out likewise. A sum of bf16 or f16 is carried
/// in f32. Differentiable any number of times; saves nothing. Deterministic, for any number of threads.
/// Throws ShapeError for other ranks and empty grids, ValueError when size and scale are both given or both missing, do not fit the
/// spatial dimensions or are not positive, and for align_corners with nearest. (PyTorch's mode "area" is adaptive_avg_pool; there is no antialiasing.)
Tensor interpolate(const Tensor& x, const InterpolateOptions& options, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
