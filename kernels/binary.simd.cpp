#include "kernels/binary.hpp"

#include "kernels/binary_functors.hpp"
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
  }
  return nullptr;
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
  }
  return nullptr;
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
