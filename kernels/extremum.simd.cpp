#include "kernels/extremum.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

constexpr std::int64_t lanes = 64;

template <bool Largest, class T>
[[gnu::always_inline]] inline T better(T best, T v) {
  // A NaN in `best` fails both comparisons and stays.
  return (Largest ? v > best : v < best) || v != v ? v : best;
}

template <bool Largest, class T>
T extremum_in_lanes(const T* x, std::int64_t n) {
  T best = x[0];
  std::int64_t i = 0;
  if (n >= lanes) {
    T lane[lanes];
    for (int l = 0; l < lanes; ++l) lane[l] = x[l];
    for (i = lanes; i + lanes <= n; i += lanes)
      for (int l = 0; l < lanes; ++l) lane[l] = better<Largest>(lane[l], x[i + l]);
    for (int l = 0; l < lanes; ++l) best = better<Largest>(best, lane[l]);
  }
  for (; i < n; ++i) best = better<Largest>(best, x[i]);
  return best;
}

template <class T>
std::int64_t first_position(const T* x, std::int64_t n, T value) {
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

}  // namespace

float extremum_f32(const float* x, std::int64_t n, bool largest) { return largest ? extremum_in_lanes<true>(x, n) : extremum_in_lanes<false>(x, n); }
double extremum_f64(const double* x, std::int64_t n, bool largest) { return largest ? extremum_in_lanes<true>(x, n) : extremum_in_lanes<false>(x, n); }
std::int64_t first_position_f32(const float* x, std::int64_t n, float value) { return first_position(x, n, value); }
std::int64_t first_position_f64(const double* x, std::int64_t n, double value) { return first_position(x, n, value); }

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
