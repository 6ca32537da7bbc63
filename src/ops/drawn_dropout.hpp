#pragma once
#include "tasuki/core/philox.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::detail {

/// Dropout with the mask of an earlier launch: word i of the stream decides about row-major element i.
Tensor drawn_dropout(const Tensor& x, double p, PhiloxState state);

}  // namespace tasuki::detail
