#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Arithmetic on two operands, element by element, with NumPy's broadcasting. Also as operators (`a + b`, `2 / a`), methods and, for the
/// first four, in place (`a.add_(b)`, `a += b`: b broadcasts to a, a keeps its shape and dtype).
///
/// Dtypes: both operands have the same floating or integral dtype; nothing is promoted, and the error says which cast to add. A number
/// takes the tensor's dtype; beside an integral tensor it must be whole. bf16 and f16 are computed in f32 and rounded once.
/// Integers wrap around. The result is laid out as the operand that has its shape. Gradients are summed back to each operand's shape.
/// Errors: ShapeError when the shapes do not broadcast, DTypeError, ValueError for a number that the dtype cannot hold.
namespace tasuki {

Tensor add(const Tensor& a, Operand b);  ///< a + b. Saves nothing.
Tensor sub(const Tensor& a, Operand b);  ///< a - b. Saves nothing.
Tensor mul(const Tensor& a, Operand b);  ///< a * b. Saves the other operand of each that wants a gradient.
Tensor div(const Tensor& a, Operand b);  ///< a / b; floating dtypes only. Saves b and, for b's gradient, the result.
/// The larger and the smaller of the two; NaN where either is NaN. Equal operands get half of the gradient each. Saves both.
Tensor maximum(const Tensor& a, Operand b);
Tensor minimum(const Tensor& a, Operand b);
/// a to the power b, as C's pow. Integral a to an integral power is exact (mod 2^bits); one to a negative number is refused. Saves both; the
/// gradient by b is 0 where a is 0 and b >= 0.
Tensor pow(const Tensor& a, Operand b);
/// base to the power of each element.
Tensor pow(detail::LeftScalar base, const Tensor& exponent);

/// a / b rounded down, of floats and of integers. No gradient. ValueError for an integral b of 0; floats are divided as by div.
Tensor floor_divide(const Tensor& a, Operand b);

/// Floating dtypes only, by PyTorch's definitions; the right operand may be a number. Gradients are exact where the functions are smooth.
/// fmod: what is left of a / b rounded toward zero, with the sign of a. remainder: of a / b rounded down, with the sign of b. Both NaN
/// where b is 0.
Tensor fmod(const Tensor& a, Operand b);
Tensor remainder(const Tensor& a, Operand b);
Tensor atan2(const Tensor& a, Operand b);      ///< the angle of the point (b, a), in (-pi, pi]
Tensor hypot(const Tensor& a, Operand b);      ///< sqrt(a^2 + b^2) without overflow
Tensor logaddexp(const Tensor& a, Operand b);  ///< ln(e^a + e^b) without overflow
/// x where x > 0, else weight x; weight has one element, or one for each channel (dimension 1 of x).
Tensor prelu(const Tensor& x, const Tensor& weight, SourceLocation at = SourceLocation::current());
/// a + weight (b - a), computed in f32 for bf16 and f16.
Tensor lerp(const Tensor& a, const Tensor& b, Operand weight);

}  // namespace tasuki
