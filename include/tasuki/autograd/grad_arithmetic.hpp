#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::detail {

// What the backward engine needs of arithmetic. Declared here, below the ops, and defined by them (src/ops/grad_arithmetic.cpp).

/// a + b, on the tape when grad mode is on.
Tensor add_gradients(const Tensor& a, const Tensor& b);
/// a += b, whatever the strides. Off the tape.
void add_gradient_into(const Tensor& a, const Tensor& b);
/// A dense copy with the given strides. Off the tape.
Tensor copy_gradient(const Tensor& source, const Strides& strides);
/// target = source, off the tape.
void copy_gradient_into(const Tensor& target, const Tensor& source);
/// Ones laid out like x: the gradient that a scalar starts from.
Tensor ones_like_gradient(const Tensor& x);

}  // namespace tasuki::detail
