#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::ops {

/// linear of x and a weight of bf16 whose result is not rounded: y and the bias (which may be undefined) are f32. Gradients are rounded
/// to bf16 before the products that lead to x and to the weight.
Tensor linear_in_f32(const Tensor& x, const Tensor& weight, const Tensor& bias, SourceLocation at);

}  // namespace tasuki::ops
