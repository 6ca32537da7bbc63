#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// y = (x - mean) / sqrt(var + eps) * weight + bias for x [N, C, ...], with mean and (biased) variance over each of `groups` groups of
/// neighbouring channels of each sample (Wu and He, 2018); weight and bias, each optional, are [C].
///
/// f32 f64 bf16 f16, computed in f32 (f64 in f64); weight and bias have x's dtype, or f32 where x is bf16 or f16. Other than row-major x
/// is copied, and the result is row-major. Differentiable any number of times in all three. Saves x, weight and, per group, mean and
/// 1 / sqrt(var + eps). Deterministic, for any number of threads.
/// Throws ShapeError when the channels do not divide into the groups, ValueError for groups of a single value.
///
///     Tensor y = ts::group_norm(x, 32, weight, bias);
Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5,
                  SourceLocation at = SourceLocation::current());

/// group_norm with a group for each channel: every channel of every sample by itself (Ulyanov et al., 2016).
Tensor instance_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5,
                     SourceLocation at = SourceLocation::current());

}  // namespace tasuki
