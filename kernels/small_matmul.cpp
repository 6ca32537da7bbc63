#include "kernels/small_matmul.hpp"

#include <cstring>

namespace tasuki::kernels::cpu {

namespace {

/// As many columns as every processor adds at once.
template <class T>
struct Columns {
  typedef T type __attribute__((vector_size(16)));
  static constexpr std::int64_t count = 16 / static_cast<std::int64_t>(sizeof(T));
};

template <class T>
typename Columns<T>::type load(const T* from, std::int64_t stride) {
  using V = typename Columns<T>::type;
  if (stride == 1) {
    V v;
    std::memcpy(&v, from, sizeof v);
    return v;
  }
  if constexpr (Columns<T>::count == 4) return V{from[0], from[stride], from[2 * stride], from[3 * stride]};
  else return V{from[0], from[stride]};
}
template <class V, class T>
void store(const V& v, T* to, std::int64_t stride) {
  if (stride == 1) {
    std::memcpy(to, &v, sizeof v);
  } else {
    for (std::int64_t q = 0; q < Columns<T>::count; ++q) to[q * stride] = v[q];
  }
}

template <class T>
void multiply(const View& a, bool transpose_a, const View& b, bool transpose_b, const T* bias, const View& c, bool accumulate) {
  using V = typename Columns<T>::type;
  const std::int64_t m = c.size(0), n = c.size(1), k = a.size(transpose_a ? 0 : 1), c_row = c.stride(0), c_column = c.stride(1);
  const std::int64_t a_row = a.stride(transpose_a), a_column = a.stride(!transpose_a), b_row = b.stride(transpose_b), b_column = b.stride(!transpose_b);
  constexpr std::int64_t packed_rows = 64;
  const std::int64_t in_vectors = b_column == 1 || k <= packed_rows ? n / Columns<T>::count * Columns<T>::count : 0;
  std::int64_t j = 0;
  for (; j < in_vectors; j += Columns<T>::count) {
    V packed[packed_rows];  // columns that have gaps are gathered once for all rows of a
    const T* y = b.as<T>() + j * b_column;
    std::int64_t row = b_row;
    if (b_column != 1) {
      for (std::int64_t l = 0; l < k; ++l) packed[l] = load<T>(y + l * row, b_column);
      y = reinterpret_cast<const T*>(packed);
      row = Columns<T>::count;
    }
    for (std::int64_t i = 0; i < m; ++i) {
      const T* const x = a.as<T>() + i * a_row;
      T* const z = c.as<T>() + i * c_row + j * c_column;
      V sum = bias ? load<T>(bias + j, 1) : V{};
      for (std::int64_t l = 0; l < k; ++l) sum += x[l * a_column] * load<T>(y + l * row, 1);
      if (accumulate) sum += load<T>(z, c_column);
      store(sum, z, c_column);
    }
  }
  for (; j < n; ++j)
    for (std::int64_t i = 0; i < m; ++i) {
      const T *const x = a.as<T>() + i * a_row, *const y = b.as<T>() + j * b_column;
      T sum = bias ? bias[j] : T{};
      for (std::int64_t l = 0; l < k; ++l) sum += x[l * a_column] * y[l * b_row];
      T& place = c.as<T>()[i * c_row + j * c_column];
      place = accumulate ? place + sum : sum;
    }
}

template <class T>
void sum_columns(const View& x, T* y, bool accumulate) {
  using V = typename Columns<T>::type;
  const std::int64_t rows = x.size(0), row = x.stride(0), column = x.stride(1);
  std::int64_t j = 0;
  for (; j + Columns<T>::count <= x.size(1); j += Columns<T>::count) {
    V sum = accumulate ? load<T>(y + j, 1) : V{};
    for (std::int64_t i = 0; i < rows; ++i) sum += load<T>(x.as<T>() + i * row + j * column, column);
    store(sum, y + j, 1);
  }
  for (; j < x.size(1); ++j) {
    T sum = accumulate ? y[j] : T{};
    for (std::int64_t i = 0; i < rows; ++i) sum += x.as<T>()[i * row + j * column];
    y[j] = sum;
  }
}

}  // namespace

void small_column_sum(const View& x, const View& y, bool accumulate) {
  if (x.dtype == DType::f32) sum_columns(x, y.as<float>(), accumulate);
  else sum_columns(x, y.as<double>(), accumulate);
}

void small_matmul(const View& a, bool transpose_a, const View& b, bool transpose_b, const void* bias, const View& c, bool accumulate) {
  if (c.dtype == DType::f32) multiply(a, transpose_a, b, transpose_b, static_cast<const float*>(bias), c, accumulate);
  else multiply(a, transpose_a, b, transpose_b, static_cast<const double*>(bias), c, accumulate);
}

}  // namespace tasuki::kernels::cpu
