#include "kernels/product_backward.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/copy.hpp"
#include "kernels/lines.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {
namespace {

template <class T>
using computed = std::conditional_t<sizeof(T) == 8, double, float>;

template <class T>
void put(T& place, computed<T> value, bool accumulate) {
  place = T(accumulate ? value + static_cast<computed<T>>(place) : value);
}

enum ProductOperand { element, gradient, result };  // operand numbers in Lines

constexpr int most_rows = 64;

/// to = factor / x, or added to it, for at most most_rows elements.
template <class T>
void divide(const computed<T>* factor, const T* x, std::int64_t x_step, T* to, std::int64_t to_step, std::int64_t n, bool accumulate) {
  using A = computed<T>;
  if constexpr (sizeof(T) == 2) {
    A values[most_rows];
    convert_row(x, x_step, values, 1, n);
    for (std::int64_t i = 0; i < n; ++i) values[i] = factor[i] / values[i];
    if (!accumulate) return convert_row(values, 1, to, to_step, n);
    for (std::int64_t i = 0; i < n; ++i) put(to[i * to_step], values[i], true);
  } else {
    for (std::int64_t i = 0; i < n; ++i) put(to[i * to_step], factor[i] / x[i * x_step], accumulate);
  }
}

/// One whole line: what precedes times what follows, with nothing divided.
template <class T>
void multiply_others(const T* x, std::int64_t x_step, double g, T* to, std::int64_t to_step, std::int64_t n, bool accumulate) {
  std::vector<double> before(static_cast<std::size_t>(n));
  double product = g;
  for (std::int64_t i = 0; i < n; ++i) {
    before[static_cast<std::size_t>(i)] = product;
    product *= static_cast<double>(static_cast<computed<T>>(x[i * x_step]));
  }
  product = 1;
  for (std::int64_t i = n - 1; i >= 0; --i) {
    put(to[i * to_step], static_cast<computed<T>>(before[static_cast<std::size_t>(i)] * product), accumulate);
    product *= static_cast<double>(static_cast<computed<T>>(x[i * x_step]));
  }
}

}  // namespace

void product_backward(const View& grad_y, const View& y, const View& x, int dim, const View& grad, bool accumulate) {
  if (x.numel == 0) return;
  std::int64_t strides[8];
  for (int d = 0; d < x.ndim; ++d) strides[d] = d == dim ? 0 : y.strides[d];
  View spread = y;  // y seen with x's shape
  spread.shape = x.shape;
  spread.strides = strides;
  const View* operands[] = {&x, &grad, &spread};
  const Lines lines = lines_along(dim, operands, 3);
  const auto& row = lines.row.stride;
  const auto& step = lines.line.stride;
  visit_floating(x.dtype, [&]<class T>(T) {
    using A = computed<T>;
    for_blocks(lines, true, lines.line_inside() ? 1 : most_rows, [&](const LineBlock& block) {
      const std::int64_t rows = block.row_end - block.row_begin;
      const auto at = [&](int k, std::int64_t r) { return block.at[k] + (block.row_begin + r) * row[k]; };
      A factor[most_rows], quotient[most_rows];
      bool ordinary = true;
      for (std::int64_t r = 0; r < rows; ++r) {
        const A product = static_cast<A>(y.as<const T>()[at(result, r)]), g = static_cast<A>(grad_y.as<const T>()[at(result, r)]);
        factor[r] = g * product;
        ordinary = ordinary && std::isnormal(product);
      }
      if (ordinary) {
        const auto source = [&](std::int64_t j) { return x.as<const T>() + at(element, 0) + j * step[element]; };
        const auto target = [&](std::int64_t j) { return grad.as<T>() + at(gradient, 0) + j * step[gradient]; };
        if (rows == 1) {
          std::fill_n(quotient, most_rows, factor[0]);
          for (std::int64_t j = block.line_begin; j < block.line_end; j += most_rows)
            divide(quotient, source(j), step[element], target(j), step[gradient], std::min<std::int64_t>(most_rows, block.line_end - j), accumulate);
        } else {
          for (std::int64_t j = block.line_begin; j < block.line_end; ++j) divide(factor, source(j), row[element], target(j), row[gradient], rows, accumulate);
        }
      } else if (block.line_begin == 0) {  // the line's first block does it all, the others nothing: they see the same lines
        for (std::int64_t r = 0; r < rows; ++r)
          multiply_others(x.as<const T>() + at(element, r), step[element], static_cast<double>(static_cast<A>(grad_y.as<const T>()[at(result, r)])),
                          grad.as<T>() + at(gradient, r), step[gradient], lines.line.size, accumulate);
      }
    });
  });
}

}  // namespace tasuki::kernels::cpu
