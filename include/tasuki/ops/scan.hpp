#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Running sums and products along a dimension. Any strides; sums of f32, bf16 and f16 are carried in f64 and rounded once for each
/// element; of whole numbers and bools they are i64. Deterministic, for any number of threads. Differentiable any number of times.
/// Errors: IndexError for a dimension out of range.
namespace tasuki {

/// y_i = x_0 + ... + x_i. Saves nothing.
Tensor cumsum(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());
/// y_i = x_0 * ... * x_i. The gradient is exact where elements are zero. Saves x.
Tensor cumprod(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());
/// y_i = ln(e^x_0 + ... + e^x_i) without overflow; floating dtypes. Saves x and the result.
Tensor logcumsumexp(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());

/// The largest (smallest) of x_0 to x_i and its index (i64), the last one's of equal elements; from a NaN on, it. Gradients go to the
/// elements that were picked; saves their indices.
struct CumulativeExtremumResult {
  Tensor values, indices;
};
CumulativeExtremumResult cummax(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());
CumulativeExtremumResult cummin(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
