#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Writes to places that indices name; the results are new tensors. index: i64 or i32 in [0, x.size(dim)); IndexError names another
/// one and its position; negative ones do not count from the back. Any strides. All are differentiable any number of times and
/// deterministic, for any number of threads; they save index. Negative dimensions count from the back.
namespace tasuki {

/// x with y[i][index[i][j][k]][k] = source[i][j][k] for dim 1, and likewise for the others; of equal indices the last one wins (and all
/// of them get its gradient). Any dtype, the same for both. index is nowhere larger than source, nor than x except along `dim`.
Tensor scatter(const Tensor& x, int dim, const Tensor& index, const Tensor& source, SourceLocation at = SourceLocation::current());
/// The same with one number as the source.
Tensor scatter(const Tensor& x, int dim, const Tensor& index, double value, SourceLocation at = SourceLocation::current());
/// x with y[i][index[i][j][k]][k] += source[i][j][k]. Floating dtypes; sums of bf16 and f16 are carried in f32. (Of scatter_reduce's
/// reductions this is the sum; a mean divides it by the scatter_add of ones. Products and extrema are left out.)
Tensor scatter_add(const Tensor& x, int dim, const Tensor& index, const Tensor& source, SourceLocation at = SourceLocation::current());
/// x with slice index[i] along `dim` += alpha * slice i of source. index has one dimension. Floating dtypes, sums as scatter_add's.
Tensor index_add(const Tensor& x, int dim, const Tensor& index, const Tensor& source, double alpha = 1, SourceLocation at = SourceLocation::current());

/// x with slice index[i] along `dim` replaced by a number, or by slice i of source (of equal indices the last one wins, and gets the
/// gradient). index has one dimension. Any dtype.
Tensor index_fill(const Tensor& x, int dim, const Tensor& index, double value, SourceLocation at = SourceLocation::current());
Tensor index_copy(const Tensor& x, int dim, const Tensor& index, const Tensor& source, SourceLocation at = SourceLocation::current());

/// gather, where the other dimensions broadcast.
Tensor take_along_dim(const Tensor& x, const Tensor& index, int dim, SourceLocation at = SourceLocation::current());

/// [..., classes] with a 1 (i64) where the label says; classes = -1: one more than the largest label (waits for the device). Not
/// differentiable. labels: i64 or i32. Throws IndexError that names a label outside [0, classes).
Tensor one_hot(const Tensor& labels, std::int64_t classes = -1, SourceLocation at = SourceLocation::current());

/// [count, x.ndim()]: the indices (i64), in row-major order, of the elements that are not zero. Not differentiable; waits for the
/// device.
Tensor nonzero(const Tensor& x, SourceLocation at = SourceLocation::current());
/// The elements where mask (bool) holds, in row-major order, as a vector; x and mask broadcast. Waits for the device.
Tensor masked_select(const Tensor& x, const Tensor& mask, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
