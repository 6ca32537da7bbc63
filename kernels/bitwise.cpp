#include "kernels/bitwise.hpp"

namespace tasuki::kernels::cpu {

void bitwise(BitwiseOp op, const View& a, const View& b, const View& out) {
  const View* operands[] = {&out, &a, &b};
  run_staged(TASUKI_ON_ISA(bitwise_loop)(op, out.dtype), out.dtype, operands, 2, false);
}

}  // namespace tasuki::kernels::cpu
