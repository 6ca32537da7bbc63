#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// Where an element beyond the border comes from.
enum class Border : unsigned char { reflect, replicate, circular };

/// out = x continued beyond its borders in the last `dims` dimensions (1 to 3), before[d] elements in front in the d-th of them.
/// Row-major operands of one dtype.
void pad_border(const View& x, int dims, const std::int64_t* before, Border border, const View& out);
/// The adjoint: each element of grad gets the sum of what it was copied to, in f32 (f64 in f64); written or added.
void pad_border_backward(const View& grad_out, int dims, const std::int64_t* before, Border border, const View& grad, bool accumulate);

}  // namespace tasuki::kernels::cpu
