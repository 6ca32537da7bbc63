#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Elementwise arithmetic of two operands that broadcast as NumPy does. The right one may be a number, which takes the tensor's dtype:
/// `x * 2`. Both tensors must have one dtype (DTypeError says which cast to add); a fractional number does not fit an integer
/// tensor. Gradients of a broadcast operand are summed back to its shape. Also as operators and methods; the in-place forms
/// (add_, sub_, mul_, div_) write into their tensor, to whose shape the other operand broadcasts.
namespace tasuki {

/// a + b, a - b. Saves nothing.
Tensor add(const Tensor& a, Operand b);
Tensor sub(const Tensor& a, Operand b);
/// a * b. Saves the operands whose partner needs a gradient.
Tensor mul(const Tensor& a, Operand b);
/// a / b; floating dtypes only (cast integers first). Saves b, and a where b needs a gradient.
Tensor div(const Tensor& a, Operand b);
/// a^b; floating dtypes only. d/da = b a^(b-1), 0 where b is 0; d/db = a^b ln a, 0 where a is 0. Saves its operands.
Tensor pow(const Tensor& a, Operand b);
/// The larger and the smaller of two elements; NaN if one is. Where both are equal each gets half of the gradient. Saves its operands.
Tensor maximum(const Tensor& a, Operand b);
Tensor minimum(const Tensor& a, Operand b);

}  // namespace tasuki
