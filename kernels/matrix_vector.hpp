#pragma once
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// y = a x, or a^T x where `transposed`. Floating a [rows, columns] whose rows have no gaps, x and y without gaps. Sums are carried in
/// f32 (f64: in f64) for a piece, and in f64 from piece to piece, in an order that the shape alone decides.
void matrix_vector(const View& a, bool transposed, const View& x, const View& y);

/// Elements per piece of a row, and columns per tile of the transposed product.
inline constexpr std::int64_t dot_piece = 8192, column_tile = 256;

/// The sum of a[i] b[i].
TASUKI_PER_ISA(double dot_of_piece(DType dtype, const void* a, const void* b, std::int64_t n))
/// y[j] = the sum over rows of a[i, j] x[i], for at most column_tile columns; row i of a begins at a + i stride.
TASUKI_PER_ISA(void sum_of_scaled_rows(DType dtype, const void* a, std::int64_t stride, const void* x, std::int64_t rows, void* y, std::int64_t columns))

/// out[i] = a[i] x b[i], vector products of `count` triples, all without gaps.
void vector_product(const View& a, const View& b, const View& out);
TASUKI_PER_ISA(void vector_products(DType dtype, const void* a, const void* b, void* out, std::int64_t count))

}  // namespace tasuki::kernels::cpu
