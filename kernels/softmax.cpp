#include "kernels/softmax.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void softmax(const View&, const View&, int, bool))
TASUKI_PER_ISA(void softmax_backward(const View&, const View&, const View&, int, bool, bool))

void softmax(const View& x, const View& y, int dim, bool logarithm) { TASUKI_ON_ISA(softmax)(x, y, dim, logarithm); }

void softmax_backward(const View& grad_y, const View& y, const View& grad_x, int dim, bool logarithm, bool accumulate) {
  TASUKI_ON_ISA(softmax_backward)(grad_y, y, grad_x, dim, logarithm, accumulate);
}

}  // namespace tasuki::kernels::cpu
