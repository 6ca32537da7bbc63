#pragma once
// Inverse circular and hyperbolic functions and their like, for floats without branches, within 4 ulp; so are atan, atanh, sinh, cosh, log2, log10
// and pow for doubles, for which the others are libm's. Polynomials of Cephes (S. Moshier) for floats.
#include "kernels/double_functions.hpp"
#include "kernels/math.hpp"

namespace tasuki::functors::TASUKI_ISA {

/// ln(1 + x): the rounding of 1 + x is put back by the quotient (Kahan).
template <class T>
TASUKI_INLINE T logarithm_1p(T x) {
  const T w = T(1) + x;
  const T result = logarithm(w) * (x / (w - T(1)));
  return w == T(1) ? x : (x > T(1e30) || w == T(0) ? logarithm(w) : result);
}

TASUKI_INLINE float arc_tangent(float x) {
  const float a = absolute(x);
  const bool far = a > 2.414213562373095f, middle = a > 0.4142135623730950f;
  const float base = far ? 1.57079632679489662f : (middle ? 0.785398163397448310f : 0.0f);
  const float r = far ? -1.0f / a : (middle ? (a - 1.0f) / (a + 1.0f) : a);
  const float z = r * r;
  const float p = ((8.05374449538e-2f * z - 1.38776856032e-1f) * z + 1.99777106478e-1f) * z - 3.33329491539e-1f;
  return with_sign(base + (p * z * r + r), x);
}
TASUKI_INLINE double arc_tangent(double x) { return doubles::arc_tangent(x); }

/// asin of |r| <= 1/2, from r and its square.
TASUKI_INLINE float arc_sine_series(float r, float square) {
  const float p = polynomial(square, 4.2163199048e-2f, 2.4181311049e-2f, 4.5470025998e-2f, 7.4953002686e-2f, 1.6666752422e-1f);
  return p * square * r + r;
}
TASUKI_INLINE float arc_sine(float x) {
  const float a = absolute(x);
  const bool large = a > 0.5f;
  const float square = large ? 0.5f * (1.0f - a) : a * a;  // asin a = pi/2 - 2 asin sqrt((1 - a) / 2)
  const float s = arc_sine_series(large ? square_root(square) : a, square);
  return with_sign(large ? 1.57079632679489662f - 2.0f * s : s, x);
}
TASUKI_INLINE double arc_sine(double x) { return __builtin_asin(x); }
TASUKI_INLINE float arc_cosine(float x) {
  const float a = absolute(x);
  const bool large = a > 0.5f;
  const float square = large ? 0.5f * (1.0f - a) : a * a;
  const float s = arc_sine_series(large ? square_root(square) : x, square);
  return large ? (x > 0.0f ? 2.0f * s : 3.14159265358979324f - 2.0f * s) : 1.57079632679489662f - s;
}
TASUKI_INLINE double arc_cosine(double x) { return __builtin_acos(x); }

/// e^|x| / 2 as a product, so that it overflows no sooner than the result does.
TASUKI_INLINE float half_exponential(float x) {
  const float h = exponential(0.5f * absolute(x));
  return 0.5f * h * h;
}
TASUKI_INLINE float hyperbolic_sine(float x) {
  const float half = half_exponential(x), z = x * x;
  const float near_zero = ((2.03721912945e-4f * z + 8.33028376239e-3f) * z + 1.66667160211e-1f) * z * x + x;
  return absolute(x) < 1.0f ? near_zero : with_sign(half - 0.25f / half, x);
}
TASUKI_INLINE double hyperbolic_sine(double x) { return doubles::hyperbolic_sine(x); }
TASUKI_INLINE float hyperbolic_cosine(float x) {
  const float half = half_exponential(x);
  return half + 0.25f / half;
}
TASUKI_INLINE double hyperbolic_cosine(double x) { return doubles::hyperbolic_cosine(x); }

TASUKI_INLINE float area_sine(float x) {
  const float a = absolute(x), bounded = a > 1e9f ? 1e9f : a;
  const float near = logarithm_1p(bounded + bounded * bounded / (1.0f + square_root(bounded * bounded + 1.0f)));
  return with_sign(a > 1e9f ? logarithm(a) + 0.693147180559945309f : near, x);
}
TASUKI_INLINE double area_sine(double x) { return __builtin_asinh(x); }
TASUKI_INLINE float area_cosine(float x) {
  const float t = (x > 1e9f ? 1e9f : x) - 1.0f;
  return x > 1e9f ? logarithm(x) + 0.693147180559945309f : logarithm_1p(t + square_root(t * (t + 2.0f)));
}
TASUKI_INLINE double area_cosine(double x) { return __builtin_acosh(x); }
template <class T>
TASUKI_INLINE T area_tangent(T x) {
  const T a = absolute(x);
  const T half = T(0.5) * logarithm_1p(T(2) * a / (T(1) - a));
  return a != a || a > T(1) ? T(__builtin_nan("")) : with_sign(half, x);
}

/// The logarithm as exponent and fraction, which go to another base apart: log2 of a power of two is exact.
TASUKI_INLINE float logarithm_to_base(float x, float high, float low, float of_e) {
  const bool tiny = x < 1.17549435e-38f;
  const float normal = tiny ? x * 8388608.0f : x;
  const auto bits = static_cast<std::int32_t>(bits_as<std::uint32_t>(normal) - 0x3f3504f3u);
  const float e = static_cast<float>(bits >> 23) - (tiny ? 23.0f : 0.0f);
  const float f = bits_as<float>((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
  float result = (logarithm_series(f, 0.0f) * of_e + e * low) + e * high;
  result = x == __builtin_inff() ? x : result;
  result = x == 0.0f ? -__builtin_inff() : result;
  return x >= 0.0f ? result : __builtin_nanf("");
}
TASUKI_INLINE float binary_logarithm(float x) { return logarithm_to_base(x, 1.0f, 0.0f, 1.44269504088896340736f); }
TASUKI_INLINE double binary_logarithm(double x) { return doubles::logarithm_to_base(x, 1.0, 0.0, 1.44269504088896340736); }
TASUKI_INLINE float decimal_logarithm(float x) { return logarithm_to_base(x, 0.30078125f, 2.48745663981195213739e-4f, 0.43429448190325182765f); }
TASUKI_INLINE double power(double x, double y) {
#if defined(__FMA__)  // which keeps all digits of a product
  return power_of_signed(x, y, doubles::power_of_absolute(x, y));
#else
  return __builtin_pow(x, y);
#endif
}
TASUKI_INLINE double decimal_logarithm(double x) {
  return doubles::logarithm_to_base(x, 3.01029995663611771306e-01, 3.69423907715893078616e-13, 0.43429448190325182765);
}

/// (1 + 2a) exp(a^2) erfc(a), for a = |x|, is a polynomial in (a - 2) / (a + 2) (N. Juffa, after M. Shepherd and J. Laframboise); the
/// square is split, so that its exponential keeps its digits.
TASUKI_INLINE float complementary_error_function(float x) {
  const float a = absolute(x) > 10.1f ? 10.1f : absolute(x);
  const float q = (a - 2.0f) / (a + 2.0f);
  const float p = polynomial(q, -4.01139259e-4f, -1.23075210e-3f, 1.31355342e-3f, 8.63227434e-3f, -8.05991981e-3f, -5.42046614e-2f,
      1.64055392e-1f, -1.66031361e-1f, -9.27639827e-2f, 2.76978403e-1f);
  const float high = bits_as<float>(bits_as<std::uint32_t>(a) & 0xfffff000u);  // its square is exact
  const float decay = exponential(-high * high) * exponential((high - a) * (high + a));
  const float tail = (p + 1.0f) / (1.0f + 2.0f * a) * decay;
  const float result = x < 0.0f ? 2.0f - tail : tail;
  return x != x ? x : result;
}
TASUKI_INLINE double complementary_error_function(double x) { return __builtin_erfc(x); }

TASUKI_INLINE float rounded_down(float x) { return __builtin_floorf(x); }
TASUKI_INLINE double rounded_down(double x) { return __builtin_floor(x); }
TASUKI_INLINE float rounded_up(float x) { return __builtin_ceilf(x); }
TASUKI_INLINE double rounded_up(double x) { return __builtin_ceil(x); }
TASUKI_INLINE float rounded_to_zero(float x) { return __builtin_truncf(x); }
TASUKI_INLINE double rounded_to_zero(double x) { return __builtin_trunc(x); }
TASUKI_INLINE float rounded_to_even(float x) { return __builtin_rintf(x); }
TASUKI_INLINE double rounded_to_even(double x) { return __builtin_rint(x); }

}  // namespace tasuki::functors::TASUKI_ISA
