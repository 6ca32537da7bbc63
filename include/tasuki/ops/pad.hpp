#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// What pad puts around x: a number; x mirrored at its border, which is not repeated; the border itself; the other end.
enum class PadMode : std::uint8_t { constant, reflect, replicate, circular };
struct PadOptions {
  PadMode mode = PadMode::constant;
  double value = 0;  ///< for constant
};
/// amounts: (front, back) of the last dimension, then of the one before it, ... Negative amounts cut off. The other modes pad up to
/// three dimensions: reflect by less than their size, circular by at most it.
///
/// Any dtype and strides; saves nothing. The gradient of an element that was copied to several places is their sum, in f32 for bf16
/// and f16. Differentiable any number of times, deterministic. Throws ShapeError for amounts that do not fit.
Tensor pad(const Tensor& x, const Dims& amounts, const PadOptions& options = {}, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
