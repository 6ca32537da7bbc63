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

}  // namespace tasuki::kernels::cpu
