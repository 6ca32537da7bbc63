#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// loss = factor * sum((x - target)^2) where loss is 0-d, otherwise (x - target)^2 elementwise. Equal shapes and floating dtypes, any
/// strides; sums over chunks given by the size are carried on in f64.
void mse_loss(const View& x, const View& target, double factor, bool reduced, const View& loss);

/// grad = 2 factor grad_loss (x - target), written or added; grad_loss is 0-d when `reduced`.
void mse_loss_backward(const View& grad_loss, const View& x, const View& target, double factor, bool reduced, const View& grad,
                       bool accumulate);

}  // namespace tasuki::kernels::cpu
