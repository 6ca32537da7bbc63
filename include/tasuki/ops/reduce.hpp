#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Reductions over any dimensions. `dims` counts from the front or, negative, from the back; none means all. `keepdim` leaves the
/// reduced dimensions with size 1. Strides do not matter. Sums of f32, bf16 and f16 are carried in f32 lanes whose partial sums are
/// added in f64, in an order that depends on the shape alone: the same bits for any number of threads. Errors: IndexError for a
/// dimension out of range or named twice, DTypeError as stated.
namespace tasuki {

/// Sum. Of integers and bools an i64; of nothing 0. Backward: the gradient, expanded (nothing saved).
Tensor sum(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor sum(const Tensor& x, const Dims& dims, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// Sum over the dimensions that NumPy's broadcast from `shape` to x's shape repeats: the gradient of a broadcast.
Tensor sum_to(const Tensor& x, const Shape& shape, SourceLocation at = SourceLocation::current());

/// Arithmetic mean; floating dtypes only. NaN of nothing.
Tensor mean(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// sum((x - mean(x))^2) / (n - correction), in two passes; floating dtypes only. NaN when n <= correction.
struct VarOptions {
  std::int64_t correction = 1;
  bool keepdim = false;
};
Tensor var(const Tensor& x, const Dims& dims = {}, const VarOptions& options = {}, SourceLocation at = SourceLocation::current());

/// Largest and smallest element, of all or over several dimensions; NaN if there is one. Not of nothing (ShapeError). Backward: the
/// gradient in equal shares among the elements that attain it (saves x and the result).
Tensor max(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor min(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false, SourceLocation at = SourceLocation::current());
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// The same along one dimension, with the index of the first element that attains it (i64). Backward: to that element alone.
struct ExtremumResult {
  Tensor values, indices;
};
ExtremumResult max(const Tensor& x, int dim, bool keepdim = false, SourceLocation at = SourceLocation::current());
ExtremumResult min(const Tensor& x, int dim, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// Index (i64) of the first largest or smallest element; the first NaN if there is one. Without a dimension: of the row-major
/// order. Not differentiable.
Tensor argmax(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor argmax(const Tensor& x, int dim, bool keepdim = false, SourceLocation at = SourceLocation::current());
Tensor argmin(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor argmin(const Tensor& x, int dim, bool keepdim = false, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
