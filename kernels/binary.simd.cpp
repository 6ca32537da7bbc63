#include "kernels/binary.hpp"

#include "kernels/binary_functors.hpp"
#include "kernels/register_row.hpp"
#include "kernels/staged_row.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

using namespace functors::TASUKI_ISA;

DenseLoop binary_loop(BinaryOp op, DType dtype) {
  switch (op) {
    case BinaryOp::add: return loop_for<Add, 2, true>(dtype);
    case BinaryOp::sub: return loop_for<Sub, 2, true>(dtype);
    case BinaryOp::mul: return loop_for<Mul, 2, true>(dtype);
    case BinaryOp::div: return loop_for<Div, 2, false>(dtype);
    case BinaryOp::pow: return loop_for<Pow, 2, true>(dtype);
    case BinaryOp::maximum: return loop_for<Maximum, 2, true>(dtype);
    case BinaryOp::minimum: return loop_for<Minimum, 2, true>(dtype);
    case BinaryOp::floor_divide: return loop_for<FloorDivide, 2, true>(dtype);
    case BinaryOp::fmod: return loop_for<Fmod, 2, false>(dtype);
    case BinaryOp::remainder: return loop_for<Remainder, 2, false>(dtype);
    case BinaryOp::atan2: return loop_for<Atan2, 2, false>(dtype);
    case BinaryOp::hypot: return loop_for<Hypot, 2, false>(dtype);
    case BinaryOp::logaddexp: return loop_for<LogAddExp, 2, false>(dtype);
    case BinaryOp::prelu: return loop_for<Prelu, 2, false>(dtype);
  }
  return nullptr;
}

RowFunction binary_row(BinaryOp op, DType dtype) {
  switch (op) {
    case BinaryOp::add: return register_row_for<Add>(dtype);
    case BinaryOp::sub: return register_row_for<Sub>(dtype);
    case BinaryOp::mul: return register_row_for<Mul>(dtype);
    case BinaryOp::div: return register_row_for<Div>(dtype);
    default: return nullptr;
  }
}

DenseLoop binary_piece_loop(BinaryPiece piece, DType dtype) {
  switch (piece) {
    case BinaryPiece::copy: return loop_for<Copy, 1, false>(dtype);
    case BinaryPiece::negate: return loop_for<Negate, 1, false>(dtype);
    case BinaryPiece::mul: return loop_for<Mul, 2, false>(dtype);
    case BinaryPiece::div: return loop_for<Div, 2, false>(dtype);
    case BinaryPiece::div_b: return loop_for<DivGradB, 3, false>(dtype);
    case BinaryPiece::pow_a: return loop_for<PowGradA, 3, false>(dtype);
    case BinaryPiece::pow_b: return loop_for<PowGradB, 3, false>(dtype);
    case BinaryPiece::greater_share: return loop_for<GreaterShare, 3, false>(dtype);
    case BinaryPiece::less_share: return loop_for<LessShare, 3, false>(dtype);
    case BinaryPiece::cube: return loop_for<Cube, 1, false>(dtype);
    case BinaryPiece::root: return loop_for<Root, 1, false>(dtype);
    case BinaryPiece::square_grad: return loop_for<SquareGrad, 2, false>(dtype);
    case BinaryPiece::cube_grad: return loop_for<CubeGrad, 2, false>(dtype);
    case BinaryPiece::root_grad: return loop_for<RootGrad, 2, false>(dtype);
    case BinaryPiece::fmod_b: return loop_for<FmodGradB, 3, false>(dtype);
    case BinaryPiece::remainder_b: return loop_for<RemainderGradB, 3, false>(dtype);
    case BinaryPiece::atan2_a: return loop_for<Atan2GradA, 3, false>(dtype);
    case BinaryPiece::atan2_b: return loop_for<Atan2GradB, 3, false>(dtype);
    case BinaryPiece::hypot_a: return loop_for<HypotGradA, 3, false>(dtype);
    case BinaryPiece::hypot_b: return loop_for<HypotGradB, 3, false>(dtype);
    case BinaryPiece::logaddexp_a: return loop_for<LogAddExpGradA, 3, false>(dtype);
    case BinaryPiece::logaddexp_b: return loop_for<LogAddExpGradB, 3, false>(dtype);
    case BinaryPiece::prelu_x: return loop_for<PreluGradX, 3, false>(dtype);
    case BinaryPiece::prelu_weight: return loop_for<PreluGradWeight, 2, false>(dtype);
  }
  return nullptr;
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
