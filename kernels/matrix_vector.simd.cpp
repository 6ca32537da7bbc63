#include "kernels/matrix_vector.hpp"

#include <type_traits>

#include "kernels/halves.hpp"
#include "kernels/lanes.hpp"
#include "kernels/visit_floating.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr int sums = 64;  // side by side, so that no addition waits for the one before

/// A run of elements as what they are computed in; halves are converted into `room`.
template <class T>
[[gnu::always_inline]] inline const compute_t<T>* as_computed(const T* from, [[maybe_unused]] float* room, [[maybe_unused]] std::int64_t n) {
  if constexpr (sizeof(T) == 2) {
    widen(from, room, n);
    return room;
  } else {
    return from;
  }
}

template <class T>
double dot_of_elements(const T* a, const T* b, std::int64_t n) {
  using A = compute_t<T>;
  A sum[sums] = {};
  std::int64_t i = 0;
  for (; i + sums <= n; i += sums) {
    float left_room[sums], right_room[sums];
    const A *left = as_computed(a + i, left_room, sums), *right = as_computed(b + i, right_room, sums);
    for (int s = 0; s < sums; ++s) sum[s] += left[s] * right[s];
  }
  for (int s = 0; i < n; ++i, ++s) sum[s] += static_cast<A>(a[i]) * static_cast<A>(b[i]);
  for (int half = sums / 2; half > 0; half /= 2)
    for (int s = 0; s < half; ++s) sum[s] += sum[s + half];
  return static_cast<double>(sum[0]);
}

template <class T>
void scaled_rows(const T* a, std::int64_t stride, const T* x, std::int64_t rows, T* y, std::int64_t columns) {
  using A = compute_t<T>;
  constexpr std::int64_t rows_per_flush = 64;
  double total[column_tile] = {};
  for (std::int64_t first = 0; first < rows; first += rows_per_flush) {
    A sum[column_tile] = {};
    const std::int64_t last = first + rows_per_flush < rows ? first + rows_per_flush : rows;
    for (std::int64_t i = first; i < last; ++i) {
      float room[column_tile];
      const A *row = as_computed(a + i * stride, room, columns), factor = static_cast<A>(x[i]);
      for (std::int64_t j = 0; j < columns; ++j) sum[j] += row[j] * factor;
    }
    for (std::int64_t j = 0; j < columns; ++j) total[j] += static_cast<double>(sum[j]);
  }
  if constexpr (sizeof(T) == 2) {
    float rounded[column_tile];
    for (std::int64_t j = 0; j < columns; ++j) rounded[j] = static_cast<float>(total[j]);
    narrow(rounded, y, columns);
  } else {
    for (std::int64_t j = 0; j < columns; ++j) y[j] = static_cast<T>(total[j]);
  }
}

/// Some at a time, halves as floats.
template <class T>
void products_of_triples(const T* a, const T* b, T* out, std::int64_t count) {
  using A = compute_t<T>;
  constexpr std::int64_t most = 64;
  for (std::int64_t first = 0; first < count; first += most) {
    const std::int64_t n = count - first < most ? count - first : most;
    float left_room[3 * most], right_room[3 * most];
    A to[3 * most];
    const A *left = as_computed(a + 3 * first, left_room, 3 * n), *right = as_computed(b + 3 * first, right_room, 3 * n);
    for (std::int64_t i = 0; i < 3 * n; i += 3) {
      to[i] = left[i + 1] * right[i + 2] - left[i + 2] * right[i + 1];
      to[i + 1] = left[i + 2] * right[i] - left[i] * right[i + 2];
      to[i + 2] = left[i] * right[i + 1] - left[i + 1] * right[i];
    }
    if constexpr (sizeof(T) == 2) narrow(to, out + 3 * first, 3 * n);
    else
      for (std::int64_t i = 0; i < 3 * n; ++i) out[3 * first + i] = to[i];
  }
}

}  // namespace

double dot_of_piece(DType dtype, const void* a, const void* b, std::int64_t n) {
  double sum = 0;
  visit_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    sum = dot_of_elements(static_cast<const T*>(a), static_cast<const T*>(b), n);
  });
  return sum;
}

void sum_of_scaled_rows(DType dtype, const void* a, std::int64_t stride, const void* x, std::int64_t rows, void* y, std::int64_t columns) {
  visit_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    scaled_rows(static_cast<const T*>(a), stride, static_cast<const T*>(x), rows, static_cast<T*>(y), columns);
  });
}

void vector_products(DType dtype, const void* a, const void* b, void* out, std::int64_t count) {
  visit_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    products_of_triples(static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(out), count);
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
