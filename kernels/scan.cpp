#include "kernels/scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/copy.hpp"
#include "kernels/extremum.hpp"
#include "kernels/lines.hpp"
#include "kernels/running_best.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {
namespace {

/// What is carried from element to element.
template <class T>
using carried = std::conditional_t<is_floating(dtype_of<T>), double, std::int64_t>;

bool is_nan(double v) { return std::isnan(v); }
bool is_nan(std::int64_t) { return false; }

constexpr int most_together = 32;

/// Lines side by side whose scans advance in step: a scan waits for its previous element, several do not wait for one another.
struct Together {
  const Lines& lines;
  const LineBlock& block;
  std::int64_t first;  ///< row
  int count;
  bool reverse;

  std::int64_t length() const { return lines.line.size; }
  std::int64_t place(std::int64_t i) const { return reverse ? length() - 1 - i : i; }
  /// Offset of the i-th element to visit in the first of the lines of operand k.
  std::int64_t at(int k, std::int64_t i) const { return block.at[k] + first * lines.row.stride[k] + place(i) * lines.line.stride[k]; }
  std::int64_t row_step(int k) const { return lines.row.stride[k]; }
};

/// Calls visit(together) for all lines; `visit` takes the number of lines as a constant where there are as many as fit.
template <class Visit>
void for_lines(const Lines& lines, bool reverse, Visit&& visit) {
  const int wide = lines.line_inside() ? 4 : most_together;
  for_blocks(lines, false, lines.row.size, [&](const LineBlock& block) {
    std::int64_t row = block.row_begin;
    for (; row + wide <= block.row_end; row += wide) {
      const Together together{lines, block, row, wide, reverse};
      if (wide == 4) visit(together, std::integral_constant<int, 4>());
      else visit(together, std::integral_constant<int, most_together>());
    }
    for (; row < block.row_end; ++row) visit(Together{lines, block, row, 1, reverse}, std::integral_constant<int, 1>());
  });
}

/// Contiguous lines of halves: converted a few at a time, which vectors do, and scanned as floats.
template <class T, class Step>
void scan_halves(const View& x, const Lines& lines, bool reverse, const View& out, double start, Step step) {
  constexpr std::int64_t together = 4;
  const std::int64_t n = lines.line.size;
  for_blocks(lines, false, together, [&](const LineBlock& block) {
    const std::int64_t rows = block.row_end - block.row_begin;
    std::vector<float> values(static_cast<std::size_t>(together * n));
    const auto line = [&](const View& v, int k, std::int64_t r) { return v.as<T>() + block.at[k] + (block.row_begin + r) * lines.row.stride[k]; };
    const auto floats = [&](std::int64_t r) { return values.data() + r * n; };
    for (std::int64_t r = 0; r < rows; ++r) convert_row(line(x, 0, r), 1, floats(r), 1, n);
    double carry[together] = {start, start, start, start};
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t r = 0; r < together; ++r) {
        float& v = floats(r)[reverse ? n - 1 - i : i];
        carry[r] = step(carry[r], static_cast<double>(v));
        v = static_cast<float>(carry[r]);
      }
    for (std::int64_t r = 0; r < rows; ++r) convert_row(floats(r), 1, line(out, 1, r), 1, n);
  });
}

/// The same where lines lie side by side: a row of elements of many lines at a time.
template <class T, class Step>
void scan_rows_of_halves(const View& x, const Lines& lines, bool reverse, const View& out, double start, Step step) {
  constexpr std::int64_t together = 256;
  const std::int64_t n = lines.line.size;
  for_blocks(lines, false, together, [&](const LineBlock& block) {
    const std::int64_t count = block.row_end - block.row_begin;
    float values[together];
    double carry[together];
    std::fill_n(carry, together, start);
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t at = reverse ? n - 1 - i : i;
      const auto row = [&](const View& v, int k) { return v.as<T>() + block.at[k] + block.row_begin + at * lines.line.stride[k]; };
      convert_row(row(x, 0), 1, values, 1, count);
      for (std::int64_t c = 0; c < count; ++c) {
        carry[c] = step(carry[c], static_cast<double>(values[c]));
        values[c] = static_cast<float>(carry[c]);
      }
      convert_row(values, 1, row(out, 1), 1, count);
    }
  });
}

/// out_i = step(carried, x_i), from `start`.
template <class T, class Step>
void scan(const View& x, int dim, bool reverse, const View& out, bool accumulate, carried<T> start, Step step) {
  using A = carried<T>;
  using O = std::conditional_t<is_floating(dtype_of<T>), T, std::int64_t>;
  const View* operands[] = {&x, &out};
  const Lines lines = lines_along(dim, operands, 2);
  if constexpr (sizeof(T) == 2) {
    if (!accumulate && lines.line.stride[0] == 1 && lines.line.stride[1] == 1) return scan_halves<T>(x, lines, reverse, out, start, step);
    if (!accumulate && lines.row.stride[0] == 1 && lines.row.stride[1] == 1) return scan_rows_of_halves<T>(x, lines, reverse, out, start, step);
  }
  for_lines(lines, reverse, [&](const Together& t, auto count) {
    A sums[count];
    for (int r = 0; r < count; ++r) sums[r] = start;
    const std::int64_t from_step = t.row_step(0), to_step = t.row_step(1);
    for (std::int64_t i = 0; i < t.length(); ++i) {
      const T* from = x.as<const T>() + t.at(0, i);
      O* to = out.as<O>() + t.at(1, i);
      for (int r = 0; r < count; ++r) {
        sums[r] = step(sums[r], converted_to<A>(from[r * from_step]));
        to[r * to_step] = converted_to<O>(accumulate ? sums[r] + converted_to<A>(to[r * to_step]) : sums[r]);
      }
    }
  });
}

template <class Step>
void scan_any(const View& x, int dim, bool reverse, const View& out, bool accumulate, int start, Step step) {
  if (x.numel == 0) return;
  visit_all(x.dtype, [&]<class T>(T) { scan<T>(x, dim, reverse, out, accumulate, start, step); });
}

}  // namespace

void cumsum(const View& x, int dim, bool reverse, const View& out, bool accumulate) {
  scan_any(x, dim, reverse, out, accumulate, 0, [](auto sum, auto v) {
    if constexpr (std::is_integral_v<decltype(v)>) return static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(v));
    else return sum + v;
  });
}

void cumprod(const View& x, int dim, const View& out) {
  scan_any(x, dim, false, out, false, 1, [](auto product, auto v) {
    if constexpr (std::is_integral_v<decltype(v)>) return static_cast<std::int64_t>(static_cast<std::uint64_t>(product) * static_cast<std::uint64_t>(v));
    else return product * v;
  });
}

void logcumsumexp(const View& x, int dim, const View& out) {
  if (x.numel == 0) return;
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  visit_floating(x.dtype, [&]<class T>(T) {
    scan<T>(x, dim, false, out, false, nothing, [](double sum, double v) {
      const double most = std::max(sum, v), least = std::min(sum, v);
      if (std::isnan(sum) || std::isnan(v)) return sum + v;
      return std::isinf(most) ? most : most + std::log1p(std::exp(least - most));
    });
  });
}

void cumulative_extremum(const View& x, int dim, bool largest, const View& index) {
  if (x.numel == 0) return;
  const View* operands[] = {&x, &index};
  const Lines lines = lines_along(dim, operands, 2);
  visit_all(x.dtype, [&]<class T>(T) {
    using A = carried<T>;
    if (lines.line.stride[0] == 1 && lines.line.stride[1] == 1)
      return for_blocks(lines, false, lines.row.size, [&](const LineBlock& block) {
        for (std::int64_t r = block.row_begin; r < block.row_end; ++r) {
          const T* from = x.as<const T>() + block.at[0] + r * lines.row.stride[0];
          std::int64_t* to = index.as<std::int64_t>() + block.at[1] + r * lines.row.stride[1];
          if constexpr (is_floating(dtype_of<T>)) {
            TASUKI_ON_ISA(running_extremum_of_row)(dtype_of<T>, from, lines.line.size, largest, to);
          } else {
            TASUKI_ISA::RunningBest<T> best{*from, 0};
            if (largest) positions_of_best(from, lines.line.size, 0, best, to, [](T v, T b) { return v >= b; });
            else positions_of_best(from, lines.line.size, 0, best, to, [](T v, T b) { return v <= b; });
          }
        }
      });
    for_lines(lines, false, [&](const Together& t, auto count) {
      A best[count] = {};
      std::int64_t where[count] = {};
      const auto run = [&](auto is_better) {
        const std::int64_t from_step = t.row_step(0), to_step = t.row_step(1);
        for (std::int64_t i = 0; i < t.length(); ++i) {
          const T* from = x.as<const T>() + t.at(0, i);
          std::int64_t* to = index.as<std::int64_t>() + t.at(1, i);
          for (int r = 0; r < count; ++r) {
            const A v = converted_to<A>(from[r * from_step]);
            if (i == 0 || is_better(v, best[r]) || is_nan(v)) {  // nothing compares with a NaN: it stays
              best[r] = v;
              where[r] = i;
            }
            to[r * to_step] = where[r];
          }
        }
      };
      if (largest) run([](A v, A b) { return v >= b; });
      else run([](A v, A b) { return v <= b; });
    });
  });
}

void linear_scan(const View& a, const View& b, int dim, bool reverse, const View& y) {
  if (y.numel == 0) return;
  const View* operands[] = {&a, &b, &y};
  const Lines lines = lines_along(dim, operands, 3);
  visit_floating(a.dtype, [&]<class T>(T) {
    for_lines(lines, reverse, [&](const Together& t, auto count) {
      double last[count] = {};
      for (std::int64_t i = 0; i < t.length(); ++i) {
        // The factor stands with the later of two neighbours, whichever way the scan goes.
        const T* factor = a.as<const T>() + t.at(0, reverse && i > 0 ? i - 1 : i);
        const T* term = b.as<const T>() + t.at(1, i);
        T* to = y.as<T>() + t.at(2, i);
        for (int r = 0; r < count; ++r) {
          const double carry = i == 0 ? 0 : converted_to<double>(factor[r * t.row_step(0)]) * last[r];
          last[r] = converted_to<double>(term[r * t.row_step(1)]) + carry;
          to[r * t.row_step(2)] = converted_to<T>(last[r]);
        }
      }
    });
  });
}

namespace {

/// grad_i = (product of x before i) * rest_i, where rest_i = g_i + x_(i+1) rest_(i+1), of `count` lines of n: put(i, line, grad_i).
template <int count, class Gradient, class Value, class Put>
void differentiate_products(std::int64_t n, Gradient g, Value x, Put put) {
  std::vector<double> before(static_cast<std::size_t>(n * count));
  double product[count], rest[count] = {};
  std::fill_n(product, count, 1.0);
  for (std::int64_t i = 0; i < n; ++i)
    for (int r = 0; r < count; ++r) {
      before[static_cast<std::size_t>(i * count + r)] = product[r];
      product[r] *= x(i, r);
    }
  for (std::int64_t i = n - 1; i >= 0; --i)
    for (int r = 0; r < count; ++r) {
      rest[r] = g(i, r) + (i == n - 1 ? 0 : x(i + 1, r) * rest[r]);
      put(i, r, before[static_cast<std::size_t>(i * count + r)] * rest[r]);
    }
}

/// Contiguous lines of halves, converted like those of scan_halves.
template <class T>
void cumprod_backward_of_halves(const View& grad_out, const View& x, const View& grad, const Lines& lines) {
  constexpr int together = 4;
  const std::int64_t n = lines.line.size;
  for_blocks(lines, false, together, [&](const LineBlock& block) {
    std::vector<float> g(static_cast<std::size_t>(together * n)), v(static_cast<std::size_t>(together * n));
    const auto each_line = [&](const View& halves, int k, auto&& convert) {
      for (std::int64_t r = 0; r < block.row_end - block.row_begin; ++r) convert(halves.as<T>() + block.at[k] + (block.row_begin + r) * lines.row.stride[k], r * n);
    };
    each_line(grad_out, 0, [&](const T* line, std::int64_t at) { convert_row(line, 1, g.data() + at, 1, n); });
    each_line(x, 1, [&](const T* line, std::int64_t at) { convert_row(line, 1, v.data() + at, 1, n); });
    const auto element = [n](std::vector<float>& values, std::int64_t i, int r) -> float& { return values[static_cast<std::size_t>(r * n + i)]; };
    differentiate_products<together>(
        n, [&](std::int64_t i, int r) { return static_cast<double>(element(g, i, r)); }, [&](std::int64_t i, int r) { return static_cast<double>(element(v, i, r)); },
        [&](std::int64_t i, int r, double value) { element(g, i, r) = static_cast<float>(value); });
    each_line(grad, 2, [&](T* line, std::int64_t at) { convert_row(g.data() + at, 1, line, 1, n); });
  });
}

}  // namespace

void cumprod_backward(const View& grad_out, const View& x, int dim, const View& grad, bool accumulate) {
  if (x.numel == 0) return;
  const View* operands[] = {&grad_out, &x, &grad};
  const Lines lines = lines_along(dim, operands, 3);
  visit_floating(x.dtype, [&]<class T>(T) {
    if constexpr (sizeof(T) == 2) {
      if (!accumulate && lines.line.stride[0] == 1 && lines.line.stride[1] == 1 && lines.line.stride[2] == 1) return cumprod_backward_of_halves<T>(grad_out, x, grad, lines);
    }
    for_lines(lines, false, [&](const Together& t, auto count) {
      differentiate_products<count>(
          t.length(), [&](std::int64_t i, int r) { return converted_to<double>(grad_out.as<const T>()[t.at(0, i) + r * t.row_step(0)]); },
          [&](std::int64_t i, int r) { return converted_to<double>(x.as<const T>()[t.at(1, i) + r * t.row_step(1)]); },
          [&](std::int64_t i, int r, double value) {
            T& place = grad.as<T>()[t.at(2, i) + r * t.row_step(2)];
            place = converted_to<T>(accumulate ? value + converted_to<double>(place) : value);
          });
    });
  });
}

}  // namespace tasuki::kernels::cpu
