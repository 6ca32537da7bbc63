#include "kernels/unary.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/unary_functors.hpp"

namespace tasuki::kernels::cpu {

UnaryUses unary_uses(UnaryOp op) {
  static constexpr functors::portable::Uses uses[] = {
#define TASUKI_UNARY_OP(name, Functor, integers) functors::portable::Functor::uses,
#include "kernels/unary_ops.inc"
#undef TASUKI_UNARY_OP
  };
  return static_cast<UnaryUses>(uses[static_cast<int>(op)]);
}

bool unary_takes_integers(UnaryOp op) {
  static constexpr bool takes[] = {
#define TASUKI_UNARY_OP(name, Functor, integers) integers,
#include "kernels/unary_ops.inc"
#undef TASUKI_UNARY_OP
  };
  return takes[static_cast<int>(op)];
}

void unary(UnaryOp op, UnaryNumbers numbers, const View& x, const View& out) {
  const RowFunction row = TASUKI_ON_ISA(unary_row)(op, x.dtype);
  if (!row) TASUKI_THROW(DTypeError, "no kernel for ", x.dtype);
  const View* operands[] = {&out, &x};
  for_each_row(row, operands, 2, &numbers);
}

void unary_backward(UnaryOp op, UnaryNumbers numbers, const View& grad_out, const View& operand, const View& grad_in, bool accumulate) {
  const View* operands[] = {&grad_in, &grad_out, &operand};
  for_each_row(TASUKI_ON_ISA(unary_backward_row)(op, grad_in.dtype, accumulate), operands, 3, &numbers);
}

}  // namespace tasuki::kernels::cpu
