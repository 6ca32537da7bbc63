// All steps run down columns, which are contiguous.
#include "kernels/triangular.hpp"

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

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
