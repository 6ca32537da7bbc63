#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Bits of integers, and bools, element by element, with NumPy's broadcasting; the right operand may be a number. One dtype, no floating
/// one. Not differentiable. Errors: ShapeError, DTypeError, ValueError for a number that the dtype cannot hold.
namespace tasuki {

Tensor bitwise_and(const Tensor& a, Operand b);
Tensor bitwise_or(const Tensor& a, Operand b);
Tensor bitwise_xor(const Tensor& a, Operand b);
Tensor bitwise_not(const Tensor& x, SourceLocation at = SourceLocation::current());
/// No bools. A distance beyond the width, or a negative one, shifts all bits out; to the right the sign comes in.
Tensor bitwise_left_shift(const Tensor& a, Operand b);
Tensor bitwise_right_shift(const Tensor& a, Operand b);

}  // namespace tasuki
