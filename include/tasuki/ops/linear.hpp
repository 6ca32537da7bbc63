#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// y = x weight^T + bias: x [..., in], weight [out, in], bias [out] or undefined; y [..., out].
///
/// Floating dtypes, all operands the same. The bias is added inside the product; backward reads x and weight where they are and
/// adds into an existing gradient without a copy. Saves x and weight, each only if the other wants a gradient.
/// Throws ShapeError when x.size(-1) != weight.size(1), for a weight that is not 2-d or a bias that is not [out].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
