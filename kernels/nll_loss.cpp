#include "kernels/nll_loss.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void nll_loss(const View&, const View&, const View&, const CrossEntropyRule&, const View&, const View&))
TASUKI_PER_ISA(void nll_loss_backward(const View&, const View&, const View&, const View&, const CrossEntropyRule&, const View&, bool))

void nll_loss(const View& x, const View& target, const View& weight, const CrossEntropyRule& rule, const View& loss, const View& total) {
  TASUKI_ON_ISA(nll_loss)(x, target, weight, rule, loss, total);
}

void nll_loss_backward(const View& grad_loss, const View& target, const View& weight, const View& total, const CrossEntropyRule& rule,
                       const View& grad_x, bool accumulate) {
  TASUKI_ON_ISA(nll_loss_backward)(grad_loss, target, weight, total, rule, grad_x, accumulate);
}

}  // namespace tasuki::kernels::cpu
