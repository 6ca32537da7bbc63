#include "kernels/unary.hpp"

#include "kernels/binary.hpp"
#include "kernels/copy.hpp"
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

namespace {

UnaryLoops loops_of(UnaryOp op, DType dtype) {
#define TASUKI_UNARY_OP(name, Functor, integers) case UnaryOp::name:
  switch (op) {
#include "kernels/unary_arithmetic.inc"
    return TASUKI_ON_ISA(unary_arithmetic)(op, dtype);
#include "kernels/unary_functions.inc"
    return TASUKI_ON_ISA(unary_functions)(op, dtype);
#include "kernels/unary_activations.inc"
    return TASUKI_ON_ISA(unary_activations)(op, dtype);
  }
#undef TASUKI_UNARY_OP
  return {};
}

}  // namespace

void unary(UnaryOp op, UnaryNumbers numbers, const View& x, const View& out) {
  const bool is_half = x.dtype == bf16 || x.dtype == f16;
  if ((op == UnaryOp::abs || op == UnaryOp::neg) && is_half) {
    constexpr std::uint16_t absolute[] = {0x7fff, 0}, negative[] = {0xffff, 0x8000};
    const View* operands[] = {&out, &x};
    return for_each_row(TASUKI_ON_ISA(sign_bits_row), operands, 2, op == UnaryOp::abs ? absolute : negative);
  }
  if (op == UnaryOp::reciprocal && is_half) return binary(BinaryOp::div, ScalarView(1, DType::f32).view(), x, out);
  const UnaryLoops loops = loops_of(op, x.dtype);
  if (!loops.value) TASUKI_THROW(DTypeError, "no kernel for ", x.dtype);
  const View* operands[] = {&out, &x};
  run_rows(loops.value_row, loops.value, x.dtype, operands, 1, numbers.first, numbers.second, numbers.third);
}

void unary_backward(UnaryOp op, UnaryNumbers numbers, const View& grad_out, const View& operand, const View& grad_in, bool accumulate) {
  if (op == UnaryOp::neg && !accumulate) return unary(op, numbers, grad_out, grad_in);
  if (unary_uses(op) == UnaryUses::nothing && op != UnaryOp::neg && op != UnaryOp::frac) {  // steps: flat but for the jumps
    if (!accumulate) fill(grad_in, 0);
    return;
  }
  const View* operands[] = {&grad_in, &grad_out, &operand};
  const UnaryLoops loops = loops_of(op, grad_in.dtype);
  if (accumulate) return run_staged(loops.gradient, grad_in.dtype, operands, 2, true, numbers.first, numbers.second, numbers.third);
  run_rows(loops.gradient_row, loops.gradient, grad_in.dtype, operands, 2, numbers.first, numbers.second, numbers.third);
}

}  // namespace tasuki::kernels::cpu
