// All steps run down columns, which are contiguous, but for right sides, which lie row by row.
#include "kernels/triangular.hpp"

#include "kernels/lanes.hpp"
#include "kernels/math.hpp"
#include "kernels/vectorize.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

/// to -= factor from.
TASUKI_INLINE void subtract(std::int64_t n, double factor, const double* from, double* to) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t i = 0; i < n; ++i) to[i] -= factor * from[i];
}

/// Where the largest of n elements is, by magnitude; of equals the first.
std::int64_t largest(const double* x, std::int64_t n) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < n; ++i)
    if (functors::TASUKI_ISA::absolute(x[i]) > functors::TASUKI_ISA::absolute(x[best])) best = i;
  return best;
}

/// solve_rows for as many columns as `count` vectors hold.
template <int count>
TASUKI_INLINE void solve_some(const double* factors, std::int64_t n, double* x, std::int64_t stride) {
  constexpr int lanes = width<double>;
  const auto eliminate = [&](std::int64_t i, std::int64_t begin, std::int64_t end, double pivot) __attribute__((always_inline)) {
    Lanes<double> rest[count];
    for (int k = 0; k < count; ++k) rest[k] = load(x + i * stride + k * lanes);
    for (std::int64_t j = begin; j < end; ++j) {
      const double factor = factors[j * n + i];
      for (int k = 0; k < count; ++k) rest[k] -= factor * load(x + j * stride + k * lanes);
    }
    for (int k = 0; k < count; ++k) store(x + i * stride + k * lanes, rest[k] / pivot);
  };
  for (std::int64_t i = 1; i < n; ++i) eliminate(i, 0, i, 1.0);
  for (std::int64_t i = n - 1; i >= 0; --i) eliminate(i, i + 1, n, factors[i * n + i]);
}

}  // namespace

void factorize_columns(double* a, std::int64_t rows, std::int64_t columns, std::int64_t* pivots) {
  const std::int64_t smaller = rows < columns ? rows : columns;
  for (std::int64_t j = 0; j < smaller; ++j) {
    double* const column = a + j * rows;
    const std::int64_t p = pivots[j] = j + largest(column + j, rows - j), below = rows - j - 1;
    if (p != j)
      for (std::int64_t c = 0; c < columns; ++c) {
        const double kept = a[c * rows + j];
        a[c * rows + j] = a[c * rows + p];
        a[c * rows + p] = kept;
      }
    if (column[j] == 0.0) continue;
    const double pivot = column[j];
    for (std::int64_t i = j + 1; i < rows; ++i) column[i] /= pivot;
    for (std::int64_t c = j + 1; c < columns; ++c) subtract(below, a[c * rows + j], column + j + 1, a + c * rows + j + 1);
  }
}

void invert_triangle(const double* a, double* to, std::int64_t n, bool upper) {
  for (std::int64_t i = 0; i < n * n; ++i) to[i] = 0.0;
  for (std::int64_t c = 0; c < n; ++c) {
    double* const x = to + c * n;
    x[c] = 1.0;
    for (std::int64_t j = c; upper ? j >= 0 : j < n; upper ? --j : ++j) {
      const double* const column = a + j * n;
      x[j] /= column[j];
      if (upper) subtract(j, x[j], column, x);
      else subtract(n - j - 1, x[j], column + j + 1, x + j + 1);
    }
  }
}

void solve_rows(const double* factors, std::int64_t n, double* x, std::int64_t columns) {
  constexpr int together = 4;
  std::int64_t c = 0;
  for (; c + together * width<double> <= columns; c += together * width<double>) solve_some<together>(factors, n, x + c, columns);
  for (; c < columns; c += width<double>) solve_some<1>(factors, n, x + c, columns);
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
