#pragma once
#include <cstdint>

#include "tasuki/ops/reduction.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct CrossEntropyOptions {
  std::int64_t ignore_index = -100;           ///< samples with this label count for nothing
  double label_smoothing = 0;                 ///< part of the target, in [0, 1], that is spread evenly over all classes
  Tensor weight{};                            ///< weights of the classes, [C]; all 1 when undefined. Takes no gradient
  Reduction reduction = Reduction::mean;      ///< mean divides by the sum of the samples' weights
};

/// Cross-entropy of softmax(logits) along dimension 1 against class labels.
///
/// logits: [N, C] or [N, C, ...], or [C] for one sample; f32 f64 bf16 f16, any strides. target: labels, i64 or i32, shaped as the
/// logits without C. With a = (1 - s) * weight[t] * onehot(t) + s / C * weight (s: label_smoothing), a sample's loss is
/// -sum_c a_c * log_softmax(logits)_c; `mean` divides their sum by the sum of weight[t] over samples that are not ignored, so that
/// it is NaN when all are, as in PyTorch.
///
/// One fused pass forward and one backward (softmax - onehot, scaled); differentiable any number of times in logits. Saves
/// logits, target and one number per sample. Deterministic, for any number of threads.
/// Throws IndexError that names a label outside [0, C) and its position, ShapeError and DTypeError for operands that do not fit.
///
/// A floating target of the logits' shape holds class probabilities instead (ignore_index must then keep its default); `mean`
/// divides by the number of samples, and the target is differentiable too.
///
///     Tensor loss = ts::cross_entropy(net(x), labels, {.label_smoothing = 0.1});
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {},
                     SourceLocation at = SourceLocation::current());

}  // namespace tasuki
