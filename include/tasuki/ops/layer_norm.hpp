#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and (biased) variance over the last dimensions of x, whose sizes
/// are `normalized_shape`; weight and bias, each optional, have that shape.
///
/// f32 f64 bf16 f16, computed in f32 (f64 in f64); weight and bias have x's dtype, or f32 where x is bf16 or f16. Differentiable any
/// number of times in all three. Saves x, weight and, per row, mean and 1 / sqrt(var + eps). Deterministic, for any number of
/// threads. Throws ShapeError when normalized_shape is empty or not the end of x's shape.
///
///     Tensor y = ts::layer_norm(x, {768}, weight, bias);
Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5, SourceLocation at = SourceLocation::current());

/// y = x / sqrt(mean(x^2) + eps) * weight over the last dimensions of x (Zhang and Sennrich, 2019): layer_norm without centering. Else as
/// layer_norm.
Tensor rms_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {}, double eps = 1e-6,
                SourceLocation at = SourceLocation::current());

}  // namespace tasuki
