#include "kernels/small_matmul.hpp"

namespace tasuki::kernels::cpu {

namespace {

template <class T>
void multiply(const View& a, bool transpose_a, const View& b, bool transpose_b, const T* bias, const View& c, bool accumulate) {
  const std::int64_t m = c.size(0), n = c.size(1), k = a.size(transpose_a ? 0 : 1);
  const std::int64_t a_row = a.stride(transpose_a), a_column = a.stride(!transpose_a), b_row = b.stride(transpose_b), b_column = b.stride(!transpose_b);
  for (std::int64_t i = 0; i < m; ++i) {
    const T* const x = a.as<T>() + i * a_row;
    T* const z = c.as<T>() + i * c.stride(0);
    for (std::int64_t j = 0; j < n; ++j) {
      const T* const y = b.as<T>() + j * b_column;
      T sum = bias ? bias[j] : T{};
      for (std::int64_t l = 0; l < k; ++l) sum += x[l * a_column] * y[l * b_row];
      T& place = z[j * c.stride(1)];
      place = accumulate ? place + sum : sum;
    }
  }
}

template <class T>
void sum_columns(const View& x, T* y) {
  for (std::int64_t j = 0; j < x.size(1); ++j) {
    T sum{};
    for (std::int64_t i = 0; i < x.size(0); ++i) sum += x.as<T>()[i * x.stride(0) + j * x.stride(1)];
    y[j] = sum;
  }
}

}  // namespace

void small_column_sum(const View& x, const View& y) {
  if (x.dtype == DType::f32) sum_columns(x, y.as<float>());
  else sum_columns(x, y.as<double>());
}

void small_matmul(const View& a, bool transpose_a, const View& b, bool transpose_b, const void* bias, const View& c, bool accumulate) {
  if (c.dtype == DType::f32) multiply(a, transpose_a, b, transpose_b, static_cast<const float*>(bias), c, accumulate);
  else multiply(a, transpose_a, b, transpose_b, static_cast<const double*>(bias), c, accumulate);
}

}  // namespace tasuki::kernels::cpu
