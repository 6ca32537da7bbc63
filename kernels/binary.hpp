#pragma once
#include "kernels/isa.hpp"
#include "kernels/loop.hpp"

namespace tasuki::kernels::cpu {

/// Elementwise ops of two operands.
enum class BinaryOp : unsigned char { add, sub, mul, div, pow, maximum, minimum, add_product };
enum class CompareOp : unsigned char { eq, ne, lt, le, gt, ge };

/// out = a op b; both broadcast to out, all of one dtype. add_product: out += a * b. Half types compute in f32. NaN propagates
/// through maximum and minimum. Integers: add, sub, mul, maximum, minimum.
void binary(BinaryOp op, const View& a, const View& b, const View& out);
/// out (bool) = a op b; any dtype. Comparisons with NaN are false, but for ne.
void compare(CompareOp op, const View& a, const View& b, const View& out);
/// out = condition (bool) ? a : b, all broadcast to out; a, b and out of one dtype.
void where(const View& condition, const View& a, const View& b, const View& out);

TASUKI_PER_ISA(RowFunction binary_row(BinaryOp op, DType dtype))
TASUKI_PER_ISA(RowFunction compare_row(CompareOp op, DType dtype))
TASUKI_PER_ISA(RowFunction where_row(int element_size))

}  // namespace tasuki::kernels::cpu
