#pragma once
#include "kernels/lanes.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

/// A matrix of scalars, of any strides.
template <class A>
struct Scalars {
  const A* p;
  std::int64_t row, column;
};

namespace detail {

template <class A, int rows, int vectors, bool add>
void tile_block(std::int64_t inner, Scalars<A> a, const A* b, std::int64_t b_row, A* c, std::int64_t c_row) {
  Lanes<A> sum[rows][vectors];
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v) sum[r][v] = add ? load(c + r * c_row + v * width<A>) : Lanes<A>{};
  for (std::int64_t k = 0; k < inner; ++k) {
    Lanes<A> panel[vectors];
    for (int v = 0; v < vectors; ++v) panel[v] = load(b + k * b_row + v * width<A>);
    for (int r = 0; r < rows; ++r) {
      const Lanes<A> s = splat(a.p[r * a.row + k * a.column]);
      for (int v = 0; v < vectors; ++v) sum[r][v] += s * panel[v];
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v) store(c + r * c_row + v * width<A>, sum[r][v]);
}

template <class A, int vectors, bool add>
TASUKI_LANES void tile_columns(std::int64_t rows, std::int64_t inner, Scalars<A> a, const A* b, std::int64_t b_row, A* c, std::int64_t c_row) {
  std::int64_t r = 0;
  const auto step = [&](auto block, int count) __attribute__((always_inline)) {
    for (; r + count <= rows; r += count) block(inner, Scalars<A>{a.p + r * a.row, a.row, a.column}, b, b_row, c + r * c_row, c_row);
  };
  step(&tile_block<A, 6, vectors, add>, 6);
  step(&tile_block<A, 4, vectors, add>, 4);
  step(&tile_block<A, 2, vectors, add>, 2);
  step(&tile_block<A, 1, vectors, add>, 1);
}

}  // namespace detail

/// c = a b, or c += a b, for matrices that fit the cache: a [rows, inner] any strides, b [inner, columns] and c [rows, columns] with
/// contiguous rows; columns a multiple of the vector's width. Six rows by four vectors (two without AVX-512) of c stay in registers.
template <bool add, class A>
void tile_product(std::int64_t rows, std::int64_t columns, std::int64_t inner, Scalars<A> a, const A* b, std::int64_t b_row, A* c, std::int64_t c_row) {
  constexpr int most = vector_bytes == 64 ? 4 : 2;
  constexpr std::int64_t w = width<A>;
  std::int64_t n = 0;
  for (; n + most * w <= columns; n += most * w) detail::tile_columns<A, most, add>(rows, inner, a, b + n, b_row, c + n, c_row);
  if constexpr (most > 2)
    for (; n + 2 * w <= columns; n += 2 * w) detail::tile_columns<A, 2, add>(rows, inner, a, b + n, b_row, c + n, c_row);
  for (; n < columns; n += w) detail::tile_columns<A, 1, add>(rows, inner, a, b + n, b_row, c + n, c_row);
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
