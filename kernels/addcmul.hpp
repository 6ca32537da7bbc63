#pragma once
#include "kernels/staged_call.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// out = x + number a b, or x + number a / b, with NumPy's broadcasting; one floating dtype.
void add_product(const View& x, const View& a, const View& b, double number, const View& out);
void add_quotient(const View& x, const View& a, const View& b, double number, const View& out);
/// out = a + weight (b - a).
void lerp(const View& a, const View& b, const View& weight, const View& out);

TASUKI_PER_ISA(DenseLoop add_product_loop(DType dtype))
TASUKI_PER_ISA(DenseLoop add_quotient_loop(DType dtype))
TASUKI_PER_ISA(DenseLoop lerp_loop(DType dtype))

}  // namespace tasuki::kernels::cpu
