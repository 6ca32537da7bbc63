#include "kernels/pad.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/copy.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {
namespace {

/// The element of 0..size that stands for position i, inside or outside.
std::int64_t source_of(std::int64_t i, std::int64_t size, Border border) {
  switch (border) {
    case Border::reflect: return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    case Border::replicate: return std::clamp<std::int64_t>(i, 0, size - 1);
    default: return i < 0 ? i + size : i >= size ? i - size : i;
  }
}

/// The padded dimensions as [planes, rows..., columns]: where each output row and column comes from.
struct Geometry {
  std::int64_t planes = 1, rows = 1, columns = 0, out_rows = 1, out_columns = 0, left = 0;
  std::vector<std::int64_t> row_of, column_of;  ///< by output row and column

  Geometry(const View& x, const View& out, int dims, const std::int64_t* before, Border border) {
    const int first = x.ndim - dims;
    for (int d = 0; d < first; ++d) planes *= x.shape[d];
    row_of = {0};
    for (int d = first; d < x.ndim; ++d) {
      const std::int64_t size = x.shape[d], out_size = out.shape[d], front = before[d - first];
      std::vector<std::int64_t> source(static_cast<std::size_t>(out_size));
      for (std::int64_t i = 0; i < out_size; ++i) source[static_cast<std::size_t>(i)] = source_of(i - front, size, border);
      if (d == x.ndim - 1) {
        column_of = std::move(source);
        columns = size;
        out_columns = out_size;
        left = front;
        break;
      }
      std::vector<std::int64_t> finer;
      finer.reserve(row_of.size() * source.size());
      for (const std::int64_t row : row_of)
        for (const std::int64_t i : source) finer.push_back(row * size + i);
      row_of = std::move(finer);
      rows *= size;
      out_rows *= out_size;
    }
  }
  std::int64_t plane_rows(std::int64_t row_length) const { return std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(row_length, 1)); }
};

template <class T>
using computed = std::conditional_t<sizeof(T) == 8, double, float>;

template <class T>
void add_rows(const Geometry& g, const T* grad_out, T* grad, bool accumulate) {
  using A = computed<T>;
  // The output rows that come from each row, in order.
  std::vector<std::int64_t> first(static_cast<std::size_t>(g.rows) + 1), from(g.row_of.size());
  for (const std::int64_t row : g.row_of) ++first[static_cast<std::size_t>(row) + 1];
  for (std::size_t r = 1; r < first.size(); ++r) first[r] += first[r - 1];
  std::vector<std::int64_t> next(first.begin(), first.end() - 1);
  for (std::size_t i = 0; i < g.row_of.size(); ++i) from[static_cast<std::size_t>(next[static_cast<std::size_t>(g.row_of[i])]++)] = static_cast<std::int64_t>(i);
  const std::int64_t* column_of = g.column_of.data();
  parallel_for(g.planes * g.rows, g.plane_rows(g.out_columns), [&](std::int64_t begin, std::int64_t end) {
    std::vector<A> sums(static_cast<std::size_t>(g.columns)), wide(sizeof(T) == 2 ? static_cast<std::size_t>(g.out_columns) : 0);
    for (std::int64_t i = begin; i < end; ++i) {
      std::fill(sums.begin(), sums.end(), A(0));
      A* sum = sums.data();
      const auto row = static_cast<std::size_t>(i % g.rows);
      for (std::int64_t k = first[row]; k < first[row + 1]; ++k) {
        const T* given = grad_out + (i / g.rows * g.out_rows + from[static_cast<std::size_t>(k)]) * g.out_columns;
        const A* p;
        if constexpr (std::is_same_v<T, A>) p = given;
        else convert_row(given, 1, wide.data(), 1, g.out_columns), p = wide.data();
        for (std::int64_t j = 0; j < g.left; ++j) sum[column_of[j]] += p[j];
        for (std::int64_t j = 0; j < g.columns; ++j) sum[j] += p[g.left + j];
        for (std::int64_t j = g.left + g.columns; j < g.out_columns; ++j) sum[column_of[j]] += p[j];
      }
      T* to = grad + i * g.columns;
      if (!accumulate) convert_row(sum, 1, to, 1, g.columns);
      else
        for (std::int64_t j = 0; j < g.columns; ++j) to[j] = T(static_cast<A>(to[j]) + sum[j]);
    }
  });
}

}  // namespace

void pad_border(const View& x, int dims, const std::int64_t* before, Border border, const View& out) {
  if (out.numel == 0) return;
  const Geometry g(x, out, dims, before, border);
  visit_size(x.dtype, [&]<class T>(T) {
    parallel_for(g.planes * g.out_rows, g.plane_rows(g.out_columns), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T* from = x.as<const T>() + (i / g.out_rows * g.rows + g.row_of[static_cast<std::size_t>(i % g.out_rows)]) * g.columns;
        T* to = out.as<T>() + i * g.out_columns;
        for (std::int64_t j = 0; j < g.left; ++j) to[j] = from[g.column_of[static_cast<std::size_t>(j)]];
        std::memcpy(to + g.left, from, static_cast<std::size_t>(g.columns) * sizeof(T));
        for (std::int64_t j = g.left + g.columns; j < g.out_columns; ++j) to[j] = from[g.column_of[static_cast<std::size_t>(j)]];
      }
    });
  });
}

void pad_border_backward(const View& grad_out, int dims, const std::int64_t* before, Border border, const View& grad, bool accumulate) {
  if (grad.numel == 0) return;
  const Geometry g(grad, grad_out, dims, before, border);
  visit_floating(grad.dtype, [&]<class T>(T) { add_rows(g, grad_out.as<const T>(), grad.as<T>(), accumulate); });
}

}  // namespace tasuki::kernels::cpu
