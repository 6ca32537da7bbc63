#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Dropout of more than elements, and for networks of SELU. In training; otherwise x itself. f32 f64 bf16 f16, any strides. Masks are
/// drawn from the default generator, as dropout's are, and saved; differentiable any number of times. Throws ValueError when p is
/// not in [0, 1].
namespace tasuki {

/// Zeroes each channel x[n, c, ...] with probability p and multiplies the others by 1 / (1 - p). x has two dimensions or more.
Tensor feature_dropout(const Tensor& x, double p = 0.5, bool training = true, SourceLocation at = SourceLocation::current());

/// The same for each sample x[n, ...]: what a residual branch adds is left out for some samples (stochastic depth).
Tensor drop_path(const Tensor& x, double p = 0.5, bool training = true, SourceLocation at = SourceLocation::current());

/// Sets each element to -1.758 with probability p, then scales and shifts so that a mean of 0 and a variance of 1 stay (Klambauer et
/// al. 2017).
Tensor alpha_dropout(const Tensor& x, double p = 0.5, bool training = true, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
