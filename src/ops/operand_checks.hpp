#pragma once
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/tensor.hpp"

/// What many ops demand of an operand, in one wording.
namespace tasuki::ops {

inline void check_floating(const Tensor& x, const char* name) {
  if (!is_floating(x.dtype())) TASUKI_THROW(DTypeError, "expected  ", name, " of a floating dtype\nactual    ", x.dtype());
}

inline void check_index_dtype(const Tensor& x, const char* name) {
  if (x.dtype() != i64 && x.dtype() != i32) TASUKI_THROW(DTypeError, "expected  ", name, " of dtype i64 or i32\nactual    ", x.dtype());
}

inline void check_shape(const Tensor& x, const char* name, const Shape& shape) {
  if (!(x.shape() == shape)) TASUKI_THROW(ShapeError, "expected  ", name, " of shape ", shape, "\nactual    ", x.shape());
}

inline void check_dtype(const Tensor& x, const char* name, DType dtype) {
  if (x.dtype() != dtype) TASUKI_THROW(DTypeError, "expected  ", name, " of dtype ", dtype, "\nactual    ", x.dtype(), "\ncast it with .to(ts::", dtype, ")");
}

/// A row-major copy unless x is row-major or undefined.
inline Tensor row_major(const Tensor& x, SourceLocation at) { return x.defined() ? x.contiguous(MemoryFormat::contiguous, at) : x; }

}  // namespace tasuki::ops
