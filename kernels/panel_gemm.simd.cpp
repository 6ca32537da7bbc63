// Registers: a tile of 6 rows by a panel of vectors is summed over k; each step loads the panel's vectors once and broadcasts 6
// elements, so that loads keep up with the multipliers. Memory: the panel is packed and stays in the first two caches.
#include "kernels/panel_gemm.hpp"

#include "kernels/lanes.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

using V = Lanes<float>;
constexpr std::int64_t lanes = width<float>;
constexpr int tile_rows = vector_bytes == 16 ? 4 : 6, tile_vectors = vector_bytes == 64 ? 4 : 2;
template <class T>
constexpr std::int64_t panel_of = tile_vectors * width<T>;
constexpr std::int64_t panel = panel_of<float>;
template <class T>
constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));  // elements of a cache line
constexpr std::int64_t block_columns = 48;  // of c in multiply_by_columns: whole tiles and whole vectors

TASUKI_LANES std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

template <class W>
TASUKI_LANES W interleave_low(W a, W b) {
  if constexpr (sizeof(W) == 64) return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  else if constexpr (sizeof(W) == 32) return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  else return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}
template <class W>
TASUKI_LANES W interleave_high(W a, W b) {
  if constexpr (sizeof(W) == 64) return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  else if constexpr (sizeof(W) == 32) return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  else return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

/// Element (i, j) goes to (j, i). Each round moves the top bit of the row index to the bottom of the column index and the other
/// way round.
TASUKI_LANES void transpose(V (&r)[lanes]) {
#pragma GCC unroll 4
  for (std::int64_t round = 1; round < lanes; round *= 2) {
    V t[lanes];
#pragma GCC unroll 8
    for (std::int64_t i = 0; i < lanes / 2; ++i) {
      t[2 * i] = interleave_low(r[i], r[i + lanes / 2]);
      t[2 * i + 1] = interleave_high(r[i], r[i + lanes / 2]);
    }
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < lanes; ++i) r[i] = t[i];
  }
}

/// `count` elements, as one vector whose other lanes are zero.
template <class T>
TASUKI_LANES Lanes<T> load_up_to(const T* p, std::int64_t count) {
  return count >= width<T> ? load(p) : count > 0 ? load(p, Part{count}) : Lanes<T>{};
}
template <class T>
TASUKI_LANES void store_up_to(T* p, Lanes<T> v, std::int64_t count) {
  if (count >= width<T>) store(p, v);
  else if (count > 0) store(p, v, Part{count});
}

/// A tile's left factor: element (i, l) at data[i * row + l * step].
template <class T>
struct Left {
  const T* data;
  std::int64_t row, step;
};

/// sum[i][j] = the sum over l < k of left(i, l) panel[l][j]. Calls fetch(l) for every 16th l, so that what the next tiles need is on
/// its way while this one is computed.
template <int R, int W, bool row_is_dense, class T, class Fetch>
TASUKI_LANES void multiply_tile(const Left<T>& left, const T* b, std::int64_t k, Fetch fetch, Lanes<T> (&sum)[R][W]) {
#pragma GCC unroll 6
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < W; ++j) sum[i][j] = Lanes<T>{};
  constexpr bool any_strides = sizeof(T) == 8;
  const std::int64_t row = row_is_dense || any_strides ? left.row : 1, step = row_is_dense ? 1 : left.step;
  const T* a = left.data;
  for (std::int64_t l = 0; l < k; l += line<T>) {
    fetch(l);
    const T* const end = b + smaller(line<T>, k - l) * panel_of<T>;
    for (; b != end; b += panel_of<T>, a += step) {
      Lanes<T> x[W];
#pragma GCC unroll 4
      for (int j = 0; j < W; ++j) x[j] = load(b + j * width<T>);
#pragma GCC unroll 6
      for (int i = 0; i < R; ++i) {
        const T w = a[i * row];
#pragma GCC unroll 4
        for (int j = 0; j < W; ++j) sum[i][j] += x[j] * w;
      }
    }
  }
}

/// Calls f with R as a constant for `rows` rows, 1 to tile_rows.
template <class F>
TASUKI_LANES void with_rows(std::int64_t rows, F f) {
  switch (rows) {
    case 1: return f.template operator()<1>();
    case 2: return f.template operator()<2>();
    case 3: return f.template operator()<3>();
    case 4: return f.template operator()<4>();
    case 5: return f.template operator()<tile_rows < 5 ? 1 : 5>();
    default: return f.template operator()<tile_rows>();
  }
}
template <class F>
TASUKI_LANES void with_vectors(std::int64_t vectors, F f) {
  switch (vectors) {
    case 1: return f.template operator()<1>();
    case 2: return f.template operator()<2>();
    case 3: return f.template operator()<tile_vectors < 3 ? 1 : 3>();
    default: return f.template operator()<tile_vectors>();
  }
}

template <class T>
struct Place {
  T* c;
  std::int64_t c_row, columns;
  const T* bias;
  bool add;
};

/// Calls f(i, j) with constants, so that what it indexes stays in registers.
template <int R, int W, class F>
TASUKI_LANES void each_vector_of_tile(F f) {
#pragma GCC unroll 6
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < W; ++j) f(i, j);
}

template <int R, int W, bool row_is_dense, class T>
void rows_tile(const Left<T>& left, const T* b, std::int64_t k, const Place<T>& to) {
  constexpr std::int64_t w = width<T>;
  Lanes<T> sum[R][W];
  multiply_tile<R, W, row_is_dense>(left, b, k, [](std::int64_t) __attribute__((always_inline)) {}, sum);
  if (to.columns >= W * w) {
    if (to.bias) each_vector_of_tile<R, W>([&](int i, int j) __attribute__((always_inline)) { sum[i][j] += load(to.bias + j * w); });
    if (to.add) each_vector_of_tile<R, W>([&](int i, int j) __attribute__((always_inline)) { sum[i][j] += load(to.c + i * to.c_row + j * w); });
    each_vector_of_tile<R, W>([&](int i, int j) __attribute__((always_inline)) { store(to.c + i * to.c_row + j * w, sum[i][j]); });
    return;
  }
  T tile[R * W * w];
  each_vector_of_tile<R, W>([&](int i, int j) __attribute__((always_inline)) { store(tile + (i * W + j) * w, sum[i][j]); });
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < W; ++j) {
      T* const c = to.c + i * to.c_row + j * w;
      const std::int64_t count = to.columns - j * w;
      Lanes<T> v = load(tile + (i * W + j) * w);
      if (to.bias) v += load_up_to(to.bias + j * w, count);
      if (to.add) v += load_up_to(c, count);
      store_up_to(c, v, count);
    }
}

/// Rows of b, `columns` wide, into a panel; the same rows of the next panel are fetched meanwhile.
template <class T>
void pack_rows(const T* b, std::int64_t b_row, std::int64_t k, std::int64_t columns, std::int64_t next_columns, T* to) {
  constexpr std::int64_t w = width<T>;
  for (std::int64_t l = 0; l < k; ++l, b += b_row, to += panel_of<T>) {
    for (std::int64_t j = 0; j < next_columns; j += line<T>) __builtin_prefetch(b + panel_of<T> + j, 0, 2);
    if (columns == panel_of<T>) {
#pragma GCC unroll 4
      for (int j = 0; j < tile_vectors; ++j) store(to + j * w, load(b + j * w));
    } else {
      for (int j = 0; j < tile_vectors; ++j) store(to + j * w, load_up_to(b + j * w, columns - j * w));
    }
  }
}
/// The same for a b of any strides; missing columns are zero.
template <class T>
void pack_strided(const T* b, std::int64_t b_row, std::int64_t b_column, std::int64_t k, std::int64_t columns, T* to) {
  constexpr std::int64_t width_of_panel = panel_of<T>, together = line<T>;  // rows, so that each line that is read is used at once
  for (std::int64_t first = 0; first < k; first += together) {
    const std::int64_t rows = smaller(together, k - first);
    for (std::int64_t j = 0; j < width_of_panel; ++j) {
      const T* const from = b + first * b_row + j * b_column;
      T* const at = to + first * width_of_panel + j;
      for (std::int64_t l = 0; l < rows; ++l) at[l * width_of_panel] = j < columns ? from[l * b_row] : T{};
    }
  }
}

/// a [m, k] into panels of transposed rows: element (i, l) at to[(i / panel * k + l) * panel + i % panel]; missing rows are zero.
void pack_transposed(const PanelGemm& p, float* to) {
  for (std::int64_t first = 0; first < p.m; first += panel, to += p.k * panel)
    for (std::int64_t i = 0; i < panel; i += lanes) {
      const std::int64_t rows = smaller(lanes, p.m - first - i);
      const float* const a = p.a + (first + i) * p.a_row;
      std::int64_t l = 0;
      if (p.a_row == 1) {
        for (; l < p.k; ++l) store(to + l * panel + i, load_up_to(a + l * p.a_column, rows));
      } else if (p.a_column == 1) {
        for (; l + lanes <= p.k; l += lanes) {
          V r[lanes];
#pragma GCC unroll 16
          for (std::int64_t q = 0; q < lanes; ++q) r[q] = q < rows ? load(a + q * p.a_row + l) : V{};
          transpose(r);
#pragma GCC unroll 16
          for (std::int64_t q = 0; q < lanes; ++q) store(to + (l + q) * panel + i, r[q]);
        }
      }
      for (; l < p.k; ++l)
        for (std::int64_t q = 0; q < lanes; ++q) to[l * panel + i + q] = q < rows ? a[q * p.a_row + l * p.a_column] : 0.f;
    }
}

/// `columns` rows of c^T, a panel wide, into the columns of c.
void store_transposed(const float* block, const PanelGemm& p, std::int64_t row, std::int64_t column, std::int64_t columns) {
  for (std::int64_t j = 0; j < columns; j += lanes) {
    const V bias = p.bias ? load_up_to(p.bias + column + j, columns - j) : V{};
    for (std::int64_t i = 0; i < panel && row + i < p.m; i += lanes) {
      V r[lanes];
#pragma GCC unroll 16
      for (std::int64_t q = 0; q < lanes; ++q) r[q] = load(block + (j + q) * panel + i);
      transpose(r);
      const std::int64_t rows = smaller(lanes, p.m - row - i);
      for (std::int64_t q = 0; q < rows; ++q) {
        float* const c = p.c + (row + i + q) * p.c_row + column + j;
        V v = r[q];
        if (p.bias) v += bias;
        if (p.accumulate) v += load_up_to(c, columns - j);
        store_up_to(c, v, columns - j);
      }
    }
  }
}

template <class T, bool any_strides>
void by_rows(const PanelGemmOf<T>& p, T* scratch) {
  constexpr std::int64_t wide = panel_of<T>, k_block = PanelGemmOf<T>::k_block;
  for (std::int64_t first = 0; first < p.k; first += k_block) {
    const std::int64_t k = smaller(k_block, p.k - first);
    for (std::int64_t column = 0; column < p.n; column += wide) {
      const std::int64_t columns = smaller(wide, p.n - column), vectors = (columns + width<T> - 1) / width<T>;
      const T* const b = p.b + first * p.b_row + column * p.b_column;
      if (!any_strides || p.b_column == 1) pack_rows(b, p.b_row, k, columns, smaller(wide, p.n - column - columns), scratch);
      else pack_strided(b, p.b_row, p.b_column, k, columns, scratch);
      for (std::int64_t row = 0; row < p.m; row += tile_rows) {
        const Left<T> left{p.a + row * p.a_row + first * p.a_column, p.a_row, p.a_column};
        const Place<T> to{p.c + row * p.c_row + column, p.c_row, columns, first == 0 && p.bias ? p.bias + column : nullptr, first > 0 || p.accumulate};
        with_rows(smaller(tile_rows, p.m - row), [&]<int R>() __attribute__((always_inline)) {
          if constexpr (any_strides) {  // few instantiations
            if (vectors == 1) rows_tile<R, 1, false>(left, scratch, k, to);
            else rows_tile<R, tile_vectors, false>(left, scratch, k, to);
          } else {
            with_vectors(vectors, [&]<int W>() __attribute__((always_inline)) {
              if (p.a_column == 1) rows_tile<R, W, true>(left, scratch, k, to);
              else rows_tile<R, W, false>(left, scratch, k, to);
            });
          }
        });
      }
    }
  }
}

}  // namespace

void multiply_by_rows(const PanelGemm& p, float* scratch) { by_rows<float, false>(p, scratch); }
void multiply_doubles(const PanelGemmOf<double>& p, double* scratch) { by_rows<double, true>(p, scratch); }

void multiply_column(const PanelGemmOf<double>& p) {
  constexpr std::int64_t width = 32;
  for (std::int64_t i = 0; i < p.m; ++i) {
    const double* row = p.a + i * p.a_row;
    double part[width] = {};
    std::int64_t l = 0;
    for (; l + width <= p.k; l += width)
      for (std::int64_t w = 0; w < width; ++w) part[w] += row[l + w] * p.b[l + w];
    for (; l < p.k; ++l) part[0] += row[l] * p.b[l];
    for (std::int64_t half = width / 2; half > 0; half /= 2)
      for (std::int64_t w = 0; w < half; ++w) part[w] += part[w + half];
    double& sum = p.c[i * p.c_row];
    sum = part[0] + (p.bias ? *p.bias : 0) + (p.accumulate ? sum : 0);
  }
}

void multiply_by_columns(const PanelGemm& p, float* scratch) {
  const std::int64_t panels = (p.m + panel - 1) / panel;
  float* const block = scratch + panels * p.k * panel;
  pack_transposed(p, scratch);
  for (std::int64_t column = 0; column < p.n; column += block_columns) {
    const std::int64_t columns = smaller(block_columns, p.n - column);
    for (std::int64_t q = 0; q < panels; ++q) {
      const std::int64_t vectors = smaller(tile_vectors, (p.m - q * panel + lanes - 1) / lanes);
      for (std::int64_t j = 0; j < columns; j += tile_rows) {
        const Left<float> left{p.b + (column + j) * p.b_column, p.b_column, 1};
        const float* const ahead = column + j + 2 * tile_rows <= p.n ? left.data + tile_rows * p.b_column : nullptr;
        const auto fetch = [&](std::int64_t l) __attribute__((always_inline)) {
          if (ahead)
#pragma GCC unroll 6
            for (int i = 0; i < tile_rows; ++i) __builtin_prefetch(ahead + i * p.b_column + l, 0, 2);
        };
        with_rows(smaller(tile_rows, columns - j), [&]<int R>() __attribute__((always_inline)) {
          with_vectors(vectors, [&]<int W>() __attribute__((always_inline)) {
            V sum[R][W];
            multiply_tile<R, W, true>(left, scratch + q * p.k * panel, p.k, fetch, sum);
#pragma GCC unroll 6
            for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
              for (int v = 0; v < W; ++v) store(block + (j + i) * panel + v * lanes, sum[i][v]);
          });
        });
      }
      store_transposed(block, p, q * panel, column, columns);
    }
  }
}

void add_rows(const float* x, std::int64_t x_row, float* y, std::int64_t y_row, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; j += lanes)
      store_up_to(y + i * y_row + j, load_up_to(y + i * y_row + j, columns - j) + load_up_to(x + i * x_row + j, columns - j), columns - j);
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
