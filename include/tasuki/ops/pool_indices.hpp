#pragma once
#include "tasuki/ops/pool.hpp"
#include "tasuki/tensor/random.hpp"

/// Poolings that know where their values come from, and the way back. Floating dtypes; results are row-major. Largest values are taken
/// by index, so that they are differentiable any number of times; they save the indices. Deterministic. Errors as max_pool2d's.
namespace tasuki {

struct MaxPoolResult {
  Tensor values, indices;  ///< indices: i64, the place in the plane of the image, row by row
};

/// max_pool1d to 3d, and the indices of the largest values.
MaxPoolResult max_pool1d_with_indices(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options = {}, SourceLocation at = SourceLocation::current());
MaxPoolResult max_pool2d_with_indices(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options = {}, SourceLocation at = SourceLocation::current());
MaxPoolResult max_pool3d_with_indices(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options = {}, SourceLocation at = SourceLocation::current());

/// Largest values of windows that cover the image in an `output` grid, as those of adaptive_avg_pool2d.
Tensor adaptive_max_pool1d(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());
Tensor adaptive_max_pool2d(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());
Tensor adaptive_max_pool3d(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());
MaxPoolResult adaptive_max_pool1d_with_indices(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());
MaxPoolResult adaptive_max_pool2d_with_indices(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());
MaxPoolResult adaptive_max_pool3d_with_indices(const Tensor& x, SpatialInts output, SourceLocation at = SourceLocation::current());

/// Largest values of windows whose distances vary at random, so that images shrink by any factor (Graham, 2014). In training and in evaluation alike.
/// ValueError without output and ratio; ShapeError where output + kernel - 1 is more than the image has.
///
///     auto y = ts::fractional_max_pool2d(x, 2, {.ratio = 0.7});
struct FractionalMaxPoolOptions {
  SpatialInts output = 0;  ///< sizes of the result
  double ratio = 0;        ///< or, where output is 0, what part of the image's sizes they are
  Tensor samples{};        ///< [N, C, dims], in [0, 1), from which the windows follow; drawn from the generator where undefined. Waits for its device.
};
Tensor fractional_max_pool2d(const Tensor& x, SpatialInts kernel, const FractionalMaxPoolOptions& options, Generator* generator = nullptr,
                             SourceLocation at = SourceLocation::current());
Tensor fractional_max_pool3d(const Tensor& x, SpatialInts kernel, const FractionalMaxPoolOptions& options, Generator* generator = nullptr,
                             SourceLocation at = SourceLocation::current());
MaxPoolResult fractional_max_pool2d_with_indices(const Tensor& x, SpatialInts kernel, const FractionalMaxPoolOptions& options, Generator* generator = nullptr,
                                                 SourceLocation at = SourceLocation::current());
MaxPoolResult fractional_max_pool3d_with_indices(const Tensor& x, SpatialInts kernel, const FractionalMaxPoolOptions& options, Generator* generator = nullptr,
                                                 SourceLocation at = SourceLocation::current());

struct MaxUnpoolOptions {
  SpatialInts stride = stride_of_kernel;
  SpatialInts padding = 0;
  /// Sizes of the image; 0: (size - 1) stride - 2 padding + kernel.
  SpatialInts output = 0;
};

/// The values of a pooling at their indices in an image of zeros; where indices meet, the last one counts.
///
///     auto [y, indices] = ts::max_pool2d_with_indices(x, 2);
///     auto z = ts::max_unpool2d(y, indices, 2);
Tensor max_unpool1d(const Tensor& x, const Tensor& indices, SpatialInts kernel, const MaxUnpoolOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor max_unpool2d(const Tensor& x, const Tensor& indices, SpatialInts kernel, const MaxUnpoolOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor max_unpool3d(const Tensor& x, const Tensor& indices, SpatialInts kernel, const MaxUnpoolOptions& options = {}, SourceLocation at = SourceLocation::current());

struct LpPoolOptions {
  SpatialInts stride = stride_of_kernel;
  bool ceil_mode = false;
};

/// (sum x^p)^(1/p) of each window, of as many pixels as the kernel has where ceil_mode lets windows hang over the edge.
Tensor lp_pool1d(const Tensor& x, double p, SpatialInts kernel, const LpPoolOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor lp_pool2d(const Tensor& x, double p, SpatialInts kernel, const LpPoolOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor lp_pool3d(const Tensor& x, double p, SpatialInts kernel, const LpPoolOptions& options = {}, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
