#pragma once
#include "tasuki/core/philox.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// y_i = 0 where word i of the random stream is below bernoulli_threshold(p), else x_i / (1 - p); i is the row-major position, so the mask
/// does not depend on the layout. Written, or added to y. Equal shapes and floating dtypes, any strides.
void dropout(const View& x, const View& y, double p, PhiloxState state, bool accumulate);

}  // namespace tasuki::kernels::cpu
