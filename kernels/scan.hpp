#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

// Scans along one dimension, from its front or, `reverse`, from its end. Any strides. Floating elements are carried in f64 and
// give their own dtype; whole numbers and bools give i64, which wraps around.

/// out_i = x_i + out_(i-1), written or added.
void cumsum(const View& x, int dim, bool reverse, const View& out, bool accumulate);
/// out_i = x_i * out_(i-1).
void cumprod(const View& x, int dim, const View& out);

/// out_i = ln(e^x_i + e^out_(i-1)). Floating dtypes.
void logcumsumexp(const View& x, int dim, const View& out);
/// The index (i64) of the largest (or smallest) element up to each; of equal ones the last, and the last NaN.
void cumulative_extremum(const View& x, int dim, bool largest, const View& index);

/// y_i = b_i + a_i y_(i-1), where nothing precedes the first; reversed: y_i = b_i + a_(i+1) y_(i+1). Floating dtypes.
void linear_scan(const View& a, const View& b, int dim, bool reverse, const View& y);

/// The gradient of cumprod, written or added. It divides by nothing, so that zeros in x are as good as any number.
void cumprod_backward(const View& grad_out, const View& x, int dim, const View& grad, bool accumulate);

}  // namespace tasuki::kernels::cpu
