#pragma once
#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/tensor.hpp"

/// What ops on two operands have in common: which dtypes meet, which numbers fit, what the result looks like.
namespace tasuki::detail {

/// DTypeError that says which cast to add, unless both have one dtype.
void check_same_dtype(const Tensor& a, const Tensor& b);
/// DTypeError unless `value` can stand beside a tensor of `dtype`; ValueError when the dtype has no such number.
void check_scalar(DType dtype, double value);
/// One output of the broadcast shape, laid out as the operand that already has it.
Spec broadcast_spec(const Tensor& a, const Tensor& b, DType dtype);
/// The operand of an in-place op on `target`: `other`, or a copy where it is another view of the elements that are being written.
Tensor apart_from(const Tensor& target, const Tensor& other, SourceLocation at);

/// A 0-d zero that broadcasts beside x.
Tensor zero_beside(const Tensor& x);
/// Runs an op on a and, where it is a tensor, b.
template <class F>
Tensor apply_with(F op, const Tensor& a, const Operand& b) {
  return b.tensor() ? apply(std::move(op), {&a, b.tensor()}, b.at()) : apply(std::move(op), {&a}, b.at());
}

}  // namespace tasuki::detail
