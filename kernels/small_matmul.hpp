#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// Up to this many multiplications a plain loop ends before a library has found out what to do.
inline constexpr std::int64_t small_matmul_limit = 1024;

/// Matrices of f32 or f64 with at most small_matmul_limit multiplications, for which small_matmul is meant.
inline bool is_small_matmul(DType dtype, std::int64_t m, std::int64_t n, std::int64_t k) {
  return (dtype == DType::f32 || dtype == DType::f64) && m <= small_matmul_limit && n <= small_matmul_limit && k <= small_matmul_limit &&
         m * n * k <= small_matmul_limit;
}

/// c = a b + bias, or c += a b. a [m, k], b [k, n] (each given transposed or not), c [m, n], any strides; bias [n] without gaps, or null.
void small_matmul(const View& a, bool transpose_a, const View& b, bool transpose_b, const void* bias, const View& c, bool accumulate);

/// y[j] = the sum of x[i, j] over i, or += that, for matrices of the same size; y without gaps.
void small_column_sum(const View& x, const View& y, bool accumulate);

}  // namespace tasuki::kernels::cpu
