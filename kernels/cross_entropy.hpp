#pragma once
#include <cstdint>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// What the loss of a sample is, and how samples are joined. With label t, class weights w and smoothing s, a sample's loss is
/// (1 - s) w_t (logsum - x_t) + s / C sum_c w_c (logsum - x_c).
struct CrossEntropyRule {
  int class_dim = 1;
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;
  bool reduced = true;  ///< one loss; otherwise one per sample
  bool mean = true;     ///< the sum is divided by the sum of w_t
};

/// logits: any strides, floating. target: i64 or i32, the logits' shape without class_dim, labels valid or ignore_index. weight: [C],
/// contiguous, of the logits' dtype, or absent. loss: 0-d or the target's shape. statistics: [2, samples], dense, in the type sums are
/// carried in: per sample (row-major) the largest logit, and log(sum(exp(logit - largest))). total: 0-d, the same type: what the mean
/// divides by. The sum over samples is in f64 and in an order given by the shape.
void cross_entropy(const View& logits, const View& target, const View& weight, const CrossEntropyRule& rule, const View& loss,
                   const View& statistics, const View& total);

/// grad_logits = grad_loss * d loss / d logits from what the forward pass left; written, or added to what is there.
void cross_entropy_backward(const View& grad_loss, const View& logits, const View& target, const View& weight, const View& statistics,
                            const View& total, const CrossEntropyRule& rule, const View& grad_logits, bool accumulate);

/// coefficients (shaped and typed as the logits, contiguous) = a / total, such that the reduced loss is
/// -sum(coefficients * log_softmax(logits)); zero for ignored samples. For gradients of gradients.
void cross_entropy_coefficients(const View& target, const View& weight, const CrossEntropyRule& rule, const View& coefficients);

}  // namespace tasuki::kernels::cpu
