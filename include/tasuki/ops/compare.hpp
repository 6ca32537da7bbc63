#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Elementwise comparisons, which give bool, and the choice by one. Operands broadcast as NumPy does; the right one may be a number.
namespace tasuki {

/// ==, !=, <, <=, >, >=. Any one dtype. Against NaN only ne is true. Not differentiable.
Tensor eq(const Tensor& a, Operand b);
Tensor ne(const Tensor& a, Operand b);
Tensor lt(const Tensor& a, Operand b);
Tensor le(const Tensor& a, Operand b);
Tensor gt(const Tensor& a, Operand b);
Tensor ge(const Tensor& a, Operand b);

/// Of what counts as true: anything that is not 0, NaN too. Any one dtype. Not differentiable.
Tensor logical_and(const Tensor& a, Operand b);
Tensor logical_or(const Tensor& a, Operand b);
Tensor logical_xor(const Tensor& a, Operand b);
Tensor logical_not(const Tensor& x, SourceLocation at = SourceLocation::current());

/// condition ? a : b, element by element; condition is bool, a and b have one dtype. The gradient goes to the operand that was
/// chosen. Saves condition.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());

/// Where the elements are not a number, +-infinity, or neither. Any dtype: integers and bools are finite.
Tensor isnan(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor isinf(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor isfinite(const Tensor& x, SourceLocation at = SourceLocation::current());

/// |a - b| <= atol + rtol |b|, element by element: bool. Equal infinities are close, NaN is to NaN where equal_nan says so. Broadcasts; one
/// floating dtype. allclose: whether all are; equal: whether shapes and all elements are the same. Both wait for the device.
struct CloseOptions {
  double rtol = 1e-5, atol = 1e-8;
  bool equal_nan = false;
};
Tensor isclose(const Tensor& a, const Tensor& b, const CloseOptions& options = {}, SourceLocation at = SourceLocation::current());
bool allclose(const Tensor& a, const Tensor& b, const CloseOptions& options = {}, SourceLocation at = SourceLocation::current());
bool equal(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());

/// `value` where mask (bool, broadcast) holds, else x; the gradient passes where it does not.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
