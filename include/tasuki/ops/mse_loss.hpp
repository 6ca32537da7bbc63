#pragma once
#include "tasuki/ops/reduction.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// (x - target)^2: its mean, its sum, or elementwise.
///
/// x and target: equal shapes and dtypes, f32 f64 bf16 f16, any strides; sums are carried in f32 (f64 in f64). Differentiable any
/// number of times in both. Saves both. Deterministic, for any number of threads. Throws ShapeError, DTypeError when the operands
/// differ; nothing is broadcast, because a loss that broadcasts hides mistakes.
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean,
                SourceLocation at = SourceLocation::current());

/// The same under Keras' short name.
inline Tensor mse(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean,
                  SourceLocation at = SourceLocation::current()) {
  return mse_loss(x, target, reduction, at);
}

}  // namespace tasuki
