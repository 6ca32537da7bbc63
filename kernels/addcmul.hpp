#pragma once
#include "kernels/staged_call.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// out = x + number a b, or x + number a / b, with NumPy's broadcasting; one floating dtype.
void add_product(const View& x, const View& a, const View& b, double number, const View& out);
void add_quotient(const View& x, const View& a, const View& b, double number, const View& out);
/// out = a + weight (b - a).
void lerp(const View& a, const View& b, const View& weight, const View& out);

// Gradients by a and b for operands of one shape; the same by x is that of the result.

/// to (+)= number grad other, where `other` is the second factor.
void add_product_backward(const View& grad, const View& other, double number, const View& to, bool accumulate);
/// to (+)= number grad / b, and to (+)= -number grad a / b^2.
void add_quotient_backward_a(const View& grad, const View& b, double number, const View& to, bool accumulate);
void add_quotient_backward_b(const View& grad, const View& a, const View& b, double number, const View& to, bool accumulate);

TASUKI_PER_ISA(DenseLoop add_product_loop(DType dtype))
TASUKI_PER_ISA(DenseLoop add_quotient_loop(DType dtype))
TASUKI_PER_ISA(DenseLoop lerp_loop(DType dtype))
TASUKI_PER_ISA(DenseLoop add_product_grad_loop(DType dtype))
TASUKI_PER_ISA(DenseLoop add_quotient_grad_a_loop(DType dtype))
TASUKI_PER_ISA(DenseLoop add_quotient_grad_b_loop(DType dtype))

}  // namespace tasuki::kernels::cpu
