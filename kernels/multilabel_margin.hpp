#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// Of samples x (f32 or f64) with labels (i64 or i32), both row-major [n, classes], where the labels of a row end with the first -1:
/// losses[i] = sum over its labels l and the classes c that are none of max(0, 1 - x[l] + x[c]) / classes. Throws IndexError for a
/// label out of range.
void multilabel_margin(const View& x, const View& labels, const View& losses);
/// slopes[i, c] = d losses[i] / d x[i, c].
void multilabel_margin_slopes(const View& x, const View& labels, const View& slopes);

}  // namespace tasuki::kernels::cpu
