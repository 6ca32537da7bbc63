#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::ops {

/// Zeros of shape `whole`, row-major, with `part` added where a view of these strides, from element `offset` on, would see it; places may
/// overlap. The adjoint of that view.
Tensor embed(const Tensor& part, const Shape& whole, const Strides& strides, SourceLocation at, std::int64_t offset = 0);

}  // namespace tasuki::ops
