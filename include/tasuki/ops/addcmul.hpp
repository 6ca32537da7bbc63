#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// x + value a b, and x + value a / b, element by element, with NumPy's broadcasting. One floating dtype; the halves are computed in f32
/// and rounded once. Saves a and b, each only if the other wants a gradient (addcdiv: b if either does). Differentiable any number of
/// times. Errors: ShapeError when the shapes do not broadcast, DTypeError.
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, double value = 1, SourceLocation at = SourceLocation::current());
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, double value = 1, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
