#include "kernels/binary.hpp"

#include "kernels/check_indices.hpp"
#include "kernels/copy.hpp"

namespace tasuki::kernels::cpu {

void binary(BinaryOp op, const View& a, const View& b, const View& out) {
  if (op == BinaryOp::floor_divide && !is_floating(b.dtype)) check_divisors(b, "b");
  const View* operands[] = {&out, &a, &b};
  run_rows(TASUKI_ON_ISA(binary_row)(op, out.dtype), TASUKI_ON_ISA(binary_loop)(op, out.dtype), out.dtype, operands, 2);
}

namespace {

struct Piece {
  BinaryPiece loop;
  BinaryGradient needs;
};

constexpr Piece pieces[][2] = {
    {{BinaryPiece::copy, {false, false, false}}, {BinaryPiece::copy, {false, false, false}}},  // add
    {{BinaryPiece::copy, {false, false, false}}, {BinaryPiece::negate, {false, false, false}}},  // sub
    {{BinaryPiece::mul, {false, true, false}}, {BinaryPiece::mul, {true, false, false}}},  // mul
    {{BinaryPiece::div, {false, true, false}}, {BinaryPiece::div_b, {false, true, true}}},  // div
    {{BinaryPiece::pow_a, {true, true, false}}, {BinaryPiece::pow_b, {true, true, false}}},  // pow
    {{BinaryPiece::greater_share, {true, true, false}}, {BinaryPiece::less_share, {true, true, false}}},  // maximum
    {{BinaryPiece::less_share, {true, true, false}}, {BinaryPiece::greater_share, {true, true, false}}},  // minimum
    {{BinaryPiece::copy, {false, false, false}}, {BinaryPiece::copy, {false, false, false}}},  // floor_divide, which has no gradient
    {{BinaryPiece::copy, {false, false, false}}, {BinaryPiece::fmod_b, {true, true, false}}},  // fmod
    {{BinaryPiece::copy, {false, false, false}}, {BinaryPiece::remainder_b, {true, true, false}}},  // remainder
    {{BinaryPiece::atan2_a, {true, true, false}}, {BinaryPiece::atan2_b, {true, true, false}}},  // atan2
    {{BinaryPiece::hypot_a, {true, false, true}}, {BinaryPiece::hypot_b, {false, true, true}}},  // hypot
    {{BinaryPiece::logaddexp_a, {true, false, true}}, {BinaryPiece::logaddexp_b, {false, true, true}}},  // logaddexp
    {{BinaryPiece::prelu_x, {true, true, false}}, {BinaryPiece::prelu_weight, {true, false, false}}},  // prelu
};
const Piece& piece(BinaryOp op, int operand) { return pieces[static_cast<int>(op)][operand]; }

}  // namespace

BinaryGradient binary_gradient_needs(BinaryOp op, int operand) { return piece(op, operand).needs; }

void binary_backward(BinaryOp op, int operand, const View& grad, const View& a, const View& b, const View& out, const View& to, bool accumulate) {
  const Piece& p = piece(op, operand);
  const View* operands[4] = {&to, &grad};
  int inputs = 1;
  if (p.needs.a) operands[++inputs] = &a;
  if (p.needs.out) operands[++inputs] = &out;
  if (p.needs.b) operands[++inputs] = &b;
  if (!accumulate && p.loop == BinaryPiece::mul) return binary(BinaryOp::mul, *operands[1], *operands[2], to);
  if (!accumulate && p.loop == BinaryPiece::div) return binary(BinaryOp::div, *operands[1], *operands[2], to);
  run_staged(TASUKI_ON_ISA(binary_piece_loop)(p.loop, to.dtype), to.dtype, operands, inputs, accumulate);
}

namespace {
void run_piece(BinaryPiece piece, const View* const* operands, int inputs, bool accumulate) {
  const DType dtype = operands[0]->dtype;
  run_staged(TASUKI_ON_ISA(binary_piece_loop)(piece, dtype), dtype, operands, inputs, accumulate);
}
}  // namespace

void power_of_number(const View& a, double number, const View& out) {
  const View* operands[] = {&out, &a};
  if (number == 0) return fill(out, 1);
  if (number == 2) return binary(BinaryOp::mul, a, a, out);
  if (number == 3 && is_floating(a.dtype)) return run_piece(BinaryPiece::cube, operands, 1, false);
  if (number == 0.5) return run_piece(BinaryPiece::root, operands, 1, false);
  const DType compute = compute_dtype(a.dtype);
  if (number == -1 && is_floating(a.dtype)) return binary(BinaryOp::div, ScalarView(1, compute).view(), a, out);
  binary(BinaryOp::pow, a, ScalarView(number, compute).view(), out);
}

void power_of_number_backward(const View& grad, const View& a, double number, const View& to, bool accumulate) {
  const View* operands[] = {&to, &grad, &a};
  if (number == 0) {
    if (!accumulate) fill(to, 0);
    return;
  }
  if (number == 2) return run_piece(BinaryPiece::square_grad, operands, 2, accumulate);
  if (number == 3) return run_piece(BinaryPiece::cube_grad, operands, 2, accumulate);
  if (number == 0.5) return run_piece(BinaryPiece::root_grad, operands, 2, accumulate);
  binary_backward(BinaryOp::pow, 0, grad, a, ScalarView(number, compute_dtype(a.dtype)).view(), View{}, to, accumulate);
}

}  // namespace tasuki::kernels::cpu
