#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// y = ln(sum(e^x)) along `dim`, where y has size 1. One floating dtype, any strides; sums are carried in f32 (f64 in f64).
void logsumexp(const View& x, const View& y, int dim);

}  // namespace tasuki::kernels::cpu
