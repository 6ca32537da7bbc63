#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::ops {

/// x where x > 0, else slope x, with a slope for each element.
Tensor sloped(const Tensor& x, const Tensor& slopes, SourceLocation at);

}  // namespace tasuki::ops
