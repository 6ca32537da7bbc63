#pragma once
#include "kernels/staged_call.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

enum class BitwiseOp : unsigned char { bitwise_and, bitwise_or, bitwise_xor, left_shift, right_shift };

/// out = a op b with NumPy's broadcasting, of one integral dtype or bool; b may be a ScalarView of u8 for bools, else of that dtype.
void bitwise(BitwiseOp op, const View& a, const View& b, const View& out);

TASUKI_PER_ISA(DenseLoop bitwise_loop(BitwiseOp op, DType dtype))

}  // namespace tasuki::kernels::cpu
