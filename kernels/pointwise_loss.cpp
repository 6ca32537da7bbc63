#include "kernels/pointwise_loss.hpp"

namespace tasuki::kernels::cpu {

void pointwise_loss(PointwiseLoss loss, double parameter, const View& x, const View& target, const View& out) {
  const View* operands[] = {&out, &x, &target};
  run_staged(TASUKI_ON_ISA(pointwise_loss_loop)(loss, out.dtype), out.dtype, operands, 2, false, parameter);
}

void pointwise_loss_backward(PointwiseLoss loss, double parameter, bool by_target, const View& grad, const View& x, const View& target, const View& to,
                             bool accumulate) {
  const View* operands[] = {&to, &grad, &x, &target};
  run_staged(TASUKI_ON_ISA(pointwise_loss_slope_loop)(loss, by_target, to.dtype), to.dtype, operands, 3, accumulate, parameter);
}

}  // namespace tasuki::kernels::cpu
