#pragma once
#include "src/ops/operand_checks.hpp"

/// What the ops on batches of small matrices share.
namespace tasuki::ops {

inline Tensor matrices_transposed(const Tensor& a) { return a.transpose(-2, -1); }

inline void check_matrices(const Tensor& a, const char* name) {
  if (a.dtype() != f32 && a.dtype() != f64) TASUKI_THROW(DTypeError, "expected  ", name, " of dtype f32 or f64\nactual    ", a.dtype());
  if (a.ndim() < 2) TASUKI_THROW(ShapeError, "expected  matrices, [..., rows, columns]\nactual    ", a.shape());
}
inline void check_square(const Tensor& a) {
  check_matrices(a, "a");
  if (a.size(-1) != a.size(-2)) TASUKI_THROW(ShapeError, "expected  square matrices\nactual    ", a.shape());
}
inline Shape batch_of_matrices(const Tensor& a) { return Shape(a.shape().data(), static_cast<std::size_t>(a.ndim() - 2)); }

}  // namespace tasuki::ops
