#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// grad_i = grad_y times the product of the other elements of its line along `dim`, written or added. y: the products of the
/// lines, of size 1 along `dim`; grad_y is laid out as y is. Where y is an ordinary number it is divided; lines with a zero, an
/// infinity or NaN multiply the others instead. Any strides, floating dtypes.
void product_backward(const View& grad_y, const View& y, const View& x, int dim, const View& grad, bool accumulate);

}  // namespace tasuki::kernels::cpu
