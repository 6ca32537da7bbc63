#pragma once
#include "kernels/staged_call.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

enum class CompareOp : unsigned char { eq, ne, lt, le, gt, ge, logical_and, logical_or, logical_xor };

/// out (bool) = a op b with NumPy's broadcasting; a and b of any one dtype, or b a ScalarView of a's compute_dtype.
void compare(CompareOp op, const View& a, const View& b, const View& out);
/// out = condition (bool) ? a : b with NumPy's broadcasting; a, b and out of any one dtype.
void where(const View& condition, const View& a, const View& b, const View& out);

TASUKI_PER_ISA(DenseLoop compare_loop(CompareOp op, DType dtype))
TASUKI_PER_ISA(RowFunction where_row(int element_size))

}  // namespace tasuki::kernels::cpu
