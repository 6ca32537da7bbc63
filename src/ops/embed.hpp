#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::ops {

/// Zeros of shape `whole`, row-major, with `part` added where a view of these strides (from element 0 on) would see it; places may
/// overlap. The adjoint of that view.
Tensor embed(const Tensor& part, const Shape& whole, const Strides& strides, SourceLocation at);

}  // namespace tasuki::ops
