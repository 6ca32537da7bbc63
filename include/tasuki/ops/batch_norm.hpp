#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct BatchNormOptions {
  bool training = false;  ///< normalize by the batch and update the running statistics; otherwise normalize by these
  double momentum = 0.1;  ///< weight of the batch in the running statistics (PyTorch's None, an average of all batches, is 1 / their number)
  double eps = 1e-5;      ///< added to the variance
  /// Statistics of the whole batch where it is spread over processes (dist::DataParallel), instead of this process' part. All processes
  /// call the op, those without examples too.
  bool synchronized = false;
};

/// y = (x - mean) / sqrt(var + eps) * weight + bias, per channel (dimension 1) of x: [N, C] or [N, C, ...].
///
/// In training, mean and (biased) variance are those of the batch, and running statistics, where given, become
/// (1 - momentum) * running + momentum * batch, with the unbiased variance; a replay of the op leaves them alone. In
/// evaluation they are the running statistics, which must be given. weight and bias are optional, each [C].
///
/// x: f32 f64 bf16 f16, any strides; fastest contiguous or channels-last, and the result is laid out likewise. The other operands
/// have x's dtype, or f32 where x is bf16 or f16. Differentiable any number of times in x, weight and bias.
/// Saves x, weight and, per channel, mean and 1 / sqrt(var + eps). Deterministic, for any number of threads.
/// With `synchronized` no double backward: it throws AutogradError.
/// Throws ShapeError for sizes that do not fit, ValueError in training with one value per channel (its variance is undefined)
/// and in evaluation without running statistics.
///
///     Tensor y = ts::batch_norm(x, running_mean, running_var, weight, bias, {.training = true});
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight = {},
                  const Tensor& bias = {}, const BatchNormOptions& options = {}, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
