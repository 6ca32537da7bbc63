#include "kernels/extremum.hpp"

#include <type_traits>

#include "kernels/halves.hpp"
#include "kernels/lanes.hpp"
#include "kernels/running_best.hpp"
#include "kernels/visit_floating.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

constexpr std::int64_t lanes = 64;

template <bool Largest, class T>
[[gnu::always_inline]] inline T better(T best, T v) {
  // A NaN in `best` fails both comparisons and stays.
  return (Largest ? v > best : v < best) || v != v ? v : best;
}

template <bool Largest, class T>
[[gnu::always_inline]] inline T best_lane(const T (&lane)[lanes]) {
  const auto fold = [](auto best, auto v) __attribute__((always_inline)) {
    if constexpr (std::is_same_v<decltype(v), T>) return better<Largest>(best, v);
    else return ((Largest ? v > best : v < best) | (v != v)) ? v : best;
  };
  Lanes<T> best = load(lane);
  for (int l = width<T>; l < lanes; l += width<T>) best = fold(best, load(lane + l));
  return detail::fold_lanes<T, width<T>>(best, fold);
}

template <bool Largest, class T>
T best_of_row(const T* x, std::int64_t n)
  requires(sizeof(T) > 2)
{
  T best = x[0];
  std::int64_t i = 0;
  if (n >= lanes) {
    T lane[lanes];
    for (int l = 0; l < lanes; ++l) lane[l] = x[l];
    for (i = lanes; i + lanes <= n; i += lanes)
      for (int l = 0; l < lanes; ++l) lane[l] = better<Largest>(lane[l], x[i + l]);
    best = best_lane<Largest>(lane);
  }
  for (; i < n; ++i) best = better<Largest>(best, x[i]);
  return best;
}

template <class T>
std::int64_t first_position(const T* x, std::int64_t n, T value)
  requires(sizeof(T) > 2)
{
  const bool seeks_nan = value != value;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    int found = 0;
    for (int l = 0; l < lanes; ++l) found |= (x[i + l] == value) | (x[i + l] != x[i + l]);
    if (found) break;
  }
  while (i < n - 1 && !(seeks_nan ? x[i] != x[i] : x[i] == value)) ++i;
  return i;
}

constexpr std::int64_t block = 1024;

/// Calls f(values, first position, count) for blocks of halves as f32.
template <class T, class F>
[[gnu::always_inline]] inline void in_widened_blocks(const T* x, std::int64_t n, F f) {
  float values[block];
  for (std::int64_t at = 0; at < n; at += block) {
    const std::int64_t m = n - at < block ? n - at : block;
    widen(x + at, values, m);
    if (!f(values, at, m)) return;
  }
}

template <bool Largest, class T>
float best_of_row(const T* x, std::int64_t n)
  requires(sizeof(T) == 2)
{
  float lane[lanes];
  for (int l = 0; l < lanes; ++l) lane[l] = static_cast<float>(x[0]);
  in_widened_blocks(x, n, [&](const float* values, std::int64_t, std::int64_t m) {
    std::int64_t i = 0;
    for (; i + lanes <= m; i += lanes)
      for (int l = 0; l < lanes; ++l) lane[l] = better<Largest>(lane[l], values[i + l]);
    for (; i < m; ++i) lane[0] = better<Largest>(lane[0], values[i]);
    return true;
  });
  return best_lane<Largest>(lane);
}

template <class T>
std::int64_t first_position(const T* x, std::int64_t n, float value)
  requires(sizeof(T) == 2)
{
  std::int64_t position = n - 1;
  in_widened_blocks(x, n, [&](const float* values, std::int64_t at, std::int64_t m) {
    const std::int64_t i = first_position(values, m, value);
    if (!(values[i] == value || (value != value && values[i] != values[i]))) return true;
    position = at + i;
    return false;
  });
  return position;
}

template <bool Largest, class T, class C>
void columns_of(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, C* values, std::int64_t* positions) {
  using Place = std::conditional_t<sizeof(C) == 8, std::int64_t, std::int32_t>;
  C best[extremum_columns], row[extremum_columns];
  Place place[extremum_columns];
  for (std::int64_t r = 0; r < rows; ++r) {
    const C* v = row;
    if constexpr (std::is_same_v<T, C>) v = x + r * stride;
    else widen(x + r * stride, row, columns);
    const Place here = static_cast<Place>(r);
    if (r == 0) {
      for (std::int64_t i = 0; i < columns; ++i) best[i] = v[i], place[i] = 0;
      continue;
    }
    for (std::int64_t i = 0; i < columns; ++i) {
      const bool take = ((Largest ? v[i] > best[i] : v[i] < best[i]) | (v[i] != v[i])) & (best[i] == best[i]);
      best[i] = take ? v[i] : best[i];
      place[i] = take ? here : place[i];
    }
  }
  for (std::int64_t i = 0; i < columns; ++i) values[i] = best[i], positions[i] = place[i];
}

}  // namespace

double extremum_of_row(DType dtype, const void* x, std::int64_t n, bool largest, std::int64_t* position) {
  double value = 0;
  visit_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto* row = static_cast<const T*>(x);
    const auto best = largest ? best_of_row<true>(row, n) : best_of_row<false>(row, n);
    if (position) *position = first_position(row, n, best);
    value = static_cast<double>(best);
  });
  return value;
}

void extremum_of_columns(DType dtype, const void* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, bool largest, void* values, std::int64_t* positions) {
  visit_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    using C = std::conditional_t<std::is_same_v<T, double>, double, float>;
    (largest ? &columns_of<true, T, C> : &columns_of<false, T, C>)(static_cast<const T*>(x), rows, stride, columns, static_cast<C*>(values), positions);
  });
}

void running_extremum_of_row(DType dtype, const void* x, std::int64_t n, bool largest, std::int64_t* positions) {
  const auto run = [&](auto is_better) {
    visit_floating(dtype, [&](auto zero) {
      using T = decltype(zero);
      const auto* row = static_cast<const T*>(x);
      if constexpr (sizeof(T) > 2) {
        RunningBest<T> best{row[0], 0};
        positions_of_best(row, n, 0, best, positions, is_better);
      } else {
        RunningBest<float> best{static_cast<float>(row[0]), 0};
        in_widened_blocks(row, n, [&](const float* values, std::int64_t at, std::int64_t m) {
          positions_of_best(values, m, at, best, positions + at, is_better);
          return true;
        });
      }
    });
  };
  if (largest) run([](auto v, auto b) { return v >= b; });
  else run([](auto v, auto b) { return v <= b; });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
