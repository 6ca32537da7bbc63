#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// The indices of the flags that are set, in row-major order: indices is i64 [their number, flags.ndim]. Row-major operands.
void nonzero(const View& flags, const View& indices);

/// out (i64 [labels..., classes]) = 1 at the class of each label, 0 elsewhere. labels: i64 or i32, any strides, checked.
void one_hot(const View& labels, const View& out);

}  // namespace tasuki::kernels::cpu
