#pragma once
#include "tasuki/ops/reduction.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct CtcLossOptions {
  std::int64_t blank = 0;
  bool zero_infinity = false;             ///< sequences that are too short for their labels count for nothing
  Reduction reduction = Reduction::mean;  ///< mean divides each loss by the number of its labels (at least 1) first
};

/// Connectionist temporal classification (Graves et al. 2006): the negative logarithm of the probability that each step's classes,
/// with repeats joined and blanks left out, are the labels.
///
/// log_probs: [steps, n, classes], logarithms of probabilities (of log_softmax), f32 f64 bf16 f16, any strides; targets: labels, i64 or
/// i32, [n, most] or all one after the other; input_lengths, target_lengths: [n], i64 or i32. Computed in f64. Differentiable once, by
/// log_probs; saves the operands and f64[n, steps, 2 most + 1]. Deterministic, for any number of threads. Throws ShapeError, DTypeError;
/// ValueError for lengths, IndexError for labels out of range, which name the sequence.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths, const CtcLossOptions& options = {},
                SourceLocation at = SourceLocation::current());

}  // namespace tasuki
