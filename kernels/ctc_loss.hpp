#pragma once
#include <cstdint>
#include <vector>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// The labels of a batch of sequences: `labels` holds them row by row [n, most] or, with one dimension, one sequence after the other.
struct CtcTargets {
  const View &labels, &input_lengths, &target_lengths;  ///< i64 or i32; lengths are contiguous
  std::int64_t blank;
};

/// Throws IndexError or ValueError, naming the sequence, unless lengths and labels fit log_probs [steps, n, classes].
void check_ctc(const CtcTargets& targets, const View& log_probs);

/// losses[n] = -ln P(labels | log_probs), by the forward variables, in f64: alpha [n, steps, 2 most + 1], row-major. Losses that are
/// infinite become 0 where `zero_infinity`.
void ctc_loss(const CtcTargets& targets, const View& log_probs, bool zero_infinity, const View& losses, const View& alpha);
/// grad (+)= grad_losses times the derivative by log_probs. grad is dense.
void ctc_loss_backward(const CtcTargets& targets, const View& grad_losses, const View& log_probs, bool zero_infinity, const View& alpha, const View& grad,
                       bool accumulate);

}  // namespace tasuki::kernels::cpu
