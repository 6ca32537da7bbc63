#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// softmax(x)_i = exp(x_i) / sum_j exp(x_j) along `dim`, without overflow for any finite x.
///
/// f32 f64 bf16 f16, any strides, computed in f32 (f64 in f64); fastest where `dim` has stride 1. A slice of only -inf gives NaN, as
/// does one with +inf or NaN; single -inf give 0. Differentiable any number of times; saves the result. Deterministic.
/// Throws IndexError for a `dim` that x does not have, DTypeError for other dtypes.
///
///     Tensor p = ts::softmax(logits, -1);
Tensor softmax(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());

/// log_softmax(x)_i = x_i - log(sum_j exp(x_j)) along `dim`: the logarithm of softmax without its underflow. Else as softmax.
Tensor log_softmax(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
