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

}  // namespace tasuki
