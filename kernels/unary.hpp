#pragma once
#include "kernels/isa.hpp"
#include "kernels/staged_call.hpp"

namespace tasuki::kernels::cpu {

enum class UnaryOp : unsigned char {
#define TASUKI_UNARY_OP(name, Functor, integers) name,
#include "kernels/unary_ops.inc"
#undef TASUKI_UNARY_OP
};
inline constexpr int unary_op_count = 0
#define TASUKI_UNARY_OP(name, Functor, integers) +1
#include "kernels/unary_ops.inc"
#undef TASUKI_UNARY_OP
    ;

/// The op's numbers: slope, alpha, beta and threshold, lowest and highest.
struct UnaryNumbers {
  double first = 0, second = 0, third = 0;
};

/// out = f(x). Half types compute in f32.
void unary(UnaryOp op, UnaryNumbers numbers, const View& x, const View& out);
/// grad_in = grad_out * f'(operand), added to it with `accumulate`; operand is the op's input or output as unary_uses says, or
/// grad_out again where it uses neither.
void unary_backward(UnaryOp op, UnaryNumbers numbers, const View& grad_out, const View& operand, const View& grad_in, bool accumulate);

enum class UnaryUses : unsigned char { input, output, nothing };
UnaryUses unary_uses(UnaryOp op);
bool unary_takes_integers(UnaryOp op);

/// f of one array, and the gradient from those of the result and the operand. Both null for a dtype that the op does not take. Rows of
/// their own where there are any.
struct UnaryLoops {
  DenseLoop value = nullptr, gradient = nullptr;
  RowFunction value_row = nullptr, gradient_row = nullptr;
};
/// The row of abs and neg on halves, which need no arithmetic: parameters are two 16-bit masks, to and with and to exclusive-or with.
TASUKI_PER_ISA(void sign_bits_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters))
TASUKI_PER_ISA(UnaryLoops unary_arithmetic(UnaryOp op, DType dtype))
TASUKI_PER_ISA(UnaryLoops unary_functions(UnaryOp op, DType dtype))
TASUKI_PER_ISA(UnaryLoops unary_activations(UnaryOp op, DType dtype))

}  // namespace tasuki::kernels::cpu
