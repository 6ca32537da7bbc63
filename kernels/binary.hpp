#pragma once
#include "kernels/staged_call.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

enum class BinaryOp : unsigned char { add, sub, mul, div, pow, maximum, minimum, floor_divide, fmod, remainder, atan2, hypot, logaddexp, prelu };

/// out = a op b with NumPy's broadcasting. a, b and out have one dtype (floating, or integral but for div and what follows floor_divide); a or b may be a
/// ScalarView of its compute_dtype. The halves are computed in f32. NaN in either operand of maximum and minimum gives NaN.
/// Throws ValueError for an integral 0 that floor_divide is to divide by.
void binary(BinaryOp op, const View& a, const View& b, const View& out);

/// out = a^number; 0, 2, 3, 1/2 and -1 without a logarithm.
void power_of_number(const View& a, double number, const View& out);

/// What a gradient of a binary op is computed from besides the gradient of its result.
struct BinaryGradient {
  bool a, b, out;
};
/// operand 0 is a, 1 is b.
BinaryGradient binary_gradient_needs(BinaryOp op, int operand);
/// to (+)= grad * d out / d operand, all of one shape (or ScalarViews). Views that binary_gradient_needs does not ask for may be absent.
/// maximum and minimum give each of two equal operands half.
void binary_backward(BinaryOp op, int operand, const View& grad, const View& a, const View& b, const View& out, const View& to, bool accumulate);

/// to (+)= grad * d a^number / d a.
void power_of_number_backward(const View& grad, const View& a, double number, const View& to, bool accumulate);

/// The loops that gradients and powers are made of.
enum class BinaryPiece : unsigned char {
  copy, negate, mul, div, div_b, pow_a, pow_b, greater_share, less_share, cube, root, square_grad, cube_grad, root_grad,
  fmod_b, remainder_b, atan2_a, atan2_b, hypot_a, hypot_b, logaddexp_a, logaddexp_b, prelu_x, prelu_weight
};
TASUKI_PER_ISA(DenseLoop binary_loop(BinaryOp op, DType dtype))
/// Rows of their own for the ops and dtypes that gain by them; null for all others.
TASUKI_PER_ISA(RowFunction binary_row(BinaryOp op, DType dtype))
TASUKI_PER_ISA(DenseLoop binary_piece_loop(BinaryPiece piece, DType dtype))

}  // namespace tasuki::kernels::cpu
