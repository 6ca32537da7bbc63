#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// In training, zeroes each element with probability p and multiplies the others by 1 / (1 - p); otherwise returns x itself.
///
/// f32 f64 bf16 f16, any strides. The mask is a function of the default generator's seed and offset (Philox), so a replay
/// makes the same one again. Saves a bit for each element; of operands that are not row-major nothing, and backward draws again. p = 0 keeps every element exactly, p = 1 gives zeros. Differentiable any
/// number of times. Throws ValueError when p is not in [0, 1].
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
