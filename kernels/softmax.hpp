#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// y = softmax(x), or its logarithm, along `dim`. Equal shapes, one floating dtype, any strides.
void softmax(const View& x, const View& y, int dim, bool logarithm);

/// From the gradient of y and y itself: grad_x = y (grad_y - sum(grad_y y)) for softmax, grad_y - exp(y) sum(grad_y) for the
/// logarithm; written, or added to what is there.
void softmax_backward(const View& grad_y, const View& y, const View& grad_x, int dim, bool logarithm, bool accumulate);

}  // namespace tasuki::kernels::cpu
