#pragma once
#include "kernels/staged_call.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

enum class PointwiseLoss : unsigned char {
#define TASUKI_POINTWISE_LOSS(name, ...) name,
#include "kernels/pointwise_losses.inc"
#undef TASUKI_POINTWISE_LOSS
};

/// loss = f(x, target, parameter), element by element; one floating dtype and shape, any strides. Halves are computed in f32.
void pointwise_loss(PointwiseLoss loss, double parameter, const View& x, const View& target, const View& out);
/// to (+)= grad * the slope of the loss by x, or by the target.
void pointwise_loss_backward(PointwiseLoss loss, double parameter, bool by_target, const View& grad, const View& x, const View& target, const View& to,
                             bool accumulate);

TASUKI_PER_ISA(DenseLoop pointwise_loss_loop(PointwiseLoss loss, DType dtype))
TASUKI_PER_ISA(DenseLoop pointwise_loss_slope_loop(PointwiseLoss loss, bool by_target, DType dtype))

}  // namespace tasuki::kernels::cpu
