#include "kernels/addcmul.hpp"

namespace tasuki::kernels::cpu {

void add_product(const View& x, const View& a, const View& b, double number, const View& out) {
  const View* operands[] = {&out, &x, &a, &b};
  run_staged(TASUKI_ON_ISA(add_product_loop)(out.dtype), out.dtype, operands, 3, false, number);
}
void add_quotient(const View& x, const View& a, const View& b, double number, const View& out) {
  const View* operands[] = {&out, &x, &a, &b};
  run_staged(TASUKI_ON_ISA(add_quotient_loop)(out.dtype), out.dtype, operands, 3, false, number);
}
void lerp(const View& a, const View& b, const View& weight, const View& out) {
  const View* operands[] = {&out, &a, &b, &weight};
  run_staged(TASUKI_ON_ISA(lerp_loop)(out.dtype), out.dtype, operands, 3, false);
}

void add_product_backward(const View& grad, const View& other, double number, const View& to, bool accumulate) {
  const View* operands[] = {&to, &grad, &other};
  run_staged(TASUKI_ON_ISA(add_product_grad_loop)(to.dtype), to.dtype, operands, 2, accumulate, number);
}
void add_quotient_backward_a(const View& grad, const View& b, double number, const View& to, bool accumulate) {
  const View* operands[] = {&to, &grad, &b};
  run_staged(TASUKI_ON_ISA(add_quotient_grad_a_loop)(to.dtype), to.dtype, operands, 2, accumulate, number);
}
void add_quotient_backward_b(const View& grad, const View& a, const View& b, double number, const View& to, bool accumulate) {
  const View* operands[] = {&to, &grad, &a, &b};
  run_staged(TASUKI_ON_ISA(add_quotient_grad_b_loop)(to.dtype), to.dtype, operands, 3, accumulate, number);
}

}  // namespace tasuki::kernels::cpu
