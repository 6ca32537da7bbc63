#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// How many elements of x lie in each of `bins` intervals of equal width between `low` and `high`, which belongs to the last; NaN and
/// what lies outside counts nowhere. Where low == high the range of the data takes their place (which waits for the device). Floating
/// dtypes; counts are in x's dtype, f32 for the halves. Not differentiable. ValueError unless bins >= 1 and low <= high are finite.
Tensor histc(const Tensor& x, std::int64_t bins = 100, double low = 0, double high = 0, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
