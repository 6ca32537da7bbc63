#include "kernels/mse_loss.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void mse_loss(const View&, const View&, double, bool, const View&))
TASUKI_PER_ISA(void mse_loss_backward(const View&, const View&, const View&, double, bool, const View&, bool))

void mse_loss(const View& x, const View& target, double factor, bool reduced, const View& loss) {
  TASUKI_ON_ISA(mse_loss)(x, target, factor, reduced, loss);
}

void mse_loss_backward(const View& grad_loss, const View& x, const View& target, double factor, bool reduced, const View& grad,
                       bool accumulate) {
  TASUKI_ON_ISA(mse_loss_backward)(grad_loss, x, target, factor, reduced, grad, accumulate);
}

}  // namespace tasuki::kernels::cpu
