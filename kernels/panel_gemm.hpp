#pragma once
#include <cstdint>

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

/// One thread's part of a matrix product of floats or doubles: c [m, n] = a [m, k] b [k, n] + bias [n], or c += that. Strides are in
/// elements; rows of c have no gaps. a is read in place, element by element; b passes through a panel in cache. Every element of c is
/// summed in the same order however m and n are divided among calls.
template <class T>
struct PanelGemmOf {
  static constexpr std::int64_t panel = 256 / static_cast<std::int64_t>(sizeof(T));  ///< columns of a panel: at most four vectors
  static constexpr std::int64_t k_block = 256;  ///< what multiply_by_rows sums before it touches c
  std::int64_t m, n, k;
  const T* a;
  std::int64_t a_row, a_column;
  const T* b;
  std::int64_t b_row, b_column;
  const T* bias;  // may be null
  T* c;
  std::int64_t c_row;
  bool accumulate;

  /// Scratch elements of multiply_by_rows.
  static constexpr std::int64_t row_scratch() { return k_block * panel; }
  /// Scratch elements of multiply_by_columns: all of a, transposed, and a block of c.
  static constexpr std::int64_t column_scratch(std::int64_t m, std::int64_t k) { return (m + panel - 1) / panel * panel * k + 48 * panel; }
};
using PanelGemm = PanelGemmOf<float>;

/// For a b whose rows have no gaps (b_column = 1) and an a with a stride of 1.
TASUKI_PER_ISA(void multiply_by_rows(const PanelGemm& p, float* scratch))
/// The same for operands of any strides.
TASUKI_PER_ISA(void multiply_doubles(const PanelGemmOf<double>& p, double* scratch))
/// For n = 1, an a whose rows have no gaps (a_column = 1) and a b without any (b_row = 1): a dot product for each row.
TASUKI_PER_ISA(void multiply_column(const PanelGemmOf<double>& p))
/// For a b whose columns have no gaps (b_row = 1): b streams through once, while a stays in cache.
TASUKI_PER_ISA(void multiply_by_columns(const PanelGemm& p, float* scratch))
/// y += x for the rows of two matrices without gaps in a row.
TASUKI_PER_ISA(void add_rows(const float* x, std::int64_t x_row, float* y, std::int64_t y_row, std::int64_t rows, std::int64_t columns))

}  // namespace tasuki::kernels::cpu
