#pragma once
#include "kernels/cross_entropy.hpp"

/// Negative log likelihood: operands as for cross_entropy, whose rule says how samples are joined (without smoothing).
namespace tasuki::kernels::cpu {

/// A sample's loss is -w_t x_t. total: what the mean divides by, 0-d, in the type sums are carried in.
void nll_loss(const View& x, const View& target, const View& weight, const CrossEntropyRule& rule, const View& loss, const View& total);

/// grad_x = -w_t grad_loss / total at the label of each sample, 0 elsewhere; written (grad_x is dense), or added.
void nll_loss_backward(const View& grad_loss, const View& target, const View& weight, const View& total, const CrossEntropyRule& rule,
                       const View& grad_x, bool accumulate);

}  // namespace tasuki::kernels::cpu
