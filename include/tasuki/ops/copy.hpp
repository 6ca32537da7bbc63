#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Copies, casts and fills. Any dtype, any strides. Nothing is saved for backward.
namespace tasuki {

/// x as another dtype; x itself where it has it. Differentiable between floating dtypes. Halves round to nearest even, floats to
/// integers toward zero, anything to bool as `!= 0`.
Tensor to(const Tensor& x, DType dtype, SourceLocation at = SourceLocation::current());
/// x on another device; x itself where it is there.
Tensor to(const Tensor& x, Device device, SourceLocation at = SourceLocation::current());
/// A copy laid out as x is where x is dense, else row-major.
Tensor clone(const Tensor& x, SourceLocation at = SourceLocation::current());
/// A dense tensor of the format; x itself where it is one. channels_last takes 3 to 5 dimensions.
Tensor contiguous(const Tensor& x, MemoryFormat format = MemoryFormat::contiguous, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
