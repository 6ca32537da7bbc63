#pragma once
#include "kernels/unary.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::detail {

/// f'(x) in ops, from v = x or v = f(x), whichever the kernel's df uses: the tape of the second derivative.
Tensor slope_of(kernels::cpu::UnaryOp op, kernels::cpu::UnaryNumbers p, const Tensor& v);
/// The same of ops whose df uses neither.
double constant_slope(kernels::cpu::UnaryOp op);

}  // namespace tasuki::detail
