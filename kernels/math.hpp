#pragma once
// Elementary functions without branches, for the host's vectorizer and for nvcc. Measured over all exponents (tests/kernels/math_test.cpp),
// in f32: exp, log, sin, cos, tanh, erf within 1.5 ulp, sigmoid 2.5, pow 0.51; f64: exp, log, tanh within 2 ulp, sigmoid 2.5, the rest is
// libm's. NaN stays NaN; infinities, zeros (with their sign) and subnormals come out right.
//
// Sources: polynomials of Cephes (S. Moshier) for exp, log, tanh, sin, cos; of N. Juffa for erf; reductions after Cody and Waite.
#include <cstdint>
#include <cstring>

#include "tasuki/core/half.hpp"

// Kernels are compiled per instruction set into the namespace TASUKI_ISA; so is what they inline.
#if !defined(TASUKI_ISA)
#define TASUKI_ISA portable
#endif

#if defined(__CUDACC__)
#define TASUKI_INLINE TASUKI_HD __forceinline__
#else
#define TASUKI_INLINE __attribute__((always_inline)) inline
#endif

namespace tasuki::functors::TASUKI_ISA {

template <class To, class From>
TASUKI_INLINE To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

TASUKI_INLINE float absolute(float x) { return bits_as<float>(bits_as<std::uint32_t>(x) & 0x7fffffffu); }
TASUKI_INLINE double absolute(double x) { return bits_as<double>(bits_as<std::uint64_t>(x) & 0x7fffffffffffffffu); }
/// |magnitude| with the sign of x; magnitude >= 0.
TASUKI_INLINE float with_sign(float magnitude, float x) { return bits_as<float>(bits_as<std::uint32_t>(magnitude) | (bits_as<std::uint32_t>(x) & 0x80000000u)); }
TASUKI_INLINE double with_sign(double magnitude, double x) {
  return bits_as<double>(bits_as<std::uint64_t>(magnitude) | (bits_as<std::uint64_t>(x) & 0x8000000000000000u));
}
TASUKI_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
TASUKI_INLINE double square_root(double x) { return __builtin_sqrt(x); }

/// A polynomial by Horner's scheme, from its highest coefficient down to its constant, on a float, a double or a vector of either.
template <class V, class C, class... Lower>
TASUKI_INLINE V polynomial(V x, C highest, C next, Lower... lower) {
  V p = x * highest + next;
  ((p = p * x + lower), ...);
  return p;
}

/// e^r for |r| <= ln(2) / 2, and ln(2^e (1 + f)) for 1 + f in [sqrt(1/2), sqrt(2)): the polynomials of Cephes, on floats or vectors of them.
template <class V>
TASUKI_INLINE V exponential_series(V r) {
  const V p = polynomial(r, 1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f);
  return p * (r * r) + r + 1.0f;
}
template <class V>
TASUKI_INLINE V logarithm_series(V f, V e) {
  const V p = polynomial(f, 7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
      -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f);
  const V z = f * f;
  const V y = (p * f * z + e * -2.12194440e-4f) - 0.5f * z;
  return (f + y) + e * 0.693359375f;
}

/// e^x. The scaling by 2^n is done in two factors, so that results round once into the subnormals and overflow to infinity.
struct ScaledExponential {
  float mantissa;  // near 1
  std::int32_t power;
};
TASUKI_INLINE ScaledExponential reduced_exponential(float x) {
  const float rounder = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer and leaves that in the low bits
  const float shifted = x * 1.44269504088896341f + rounder;
  const float n = shifted - rounder;
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  return {exponential_series(r), bits_as<std::int32_t>(shifted) - 0x4b400000};
}
TASUKI_INLINE float exponential(float x) {
  x = x > 89.0f ? 89.0f : x;  // NaN stays
  x = x < -104.0f ? -104.0f : x;
  const ScaledExponential e = reduced_exponential(x);
  const std::int32_t half = e.power >> 1;
  return e.mantissa * bits_as<float>((half + 127) << 23) * bits_as<float>((e.power - half + 127) << 23);
}
/// The same for |x| <= 87, where one factor does.
TASUKI_INLINE float exponential_within_87(float x) {
  const ScaledExponential e = reduced_exponential(x);
  return e.mantissa * bits_as<float>((e.power + 127) << 23);
}
/// The same to 3e-6 of it, which is enough for halves.
TASUKI_INLINE float exponential_of_half_within_87(float x) {
  const float rounder = 12582912.0f;
  const float shifted = x * 1.44269504088896341f + rounder;
  const float r = x - (shifted - rounder) * 0.693147181f;
  const float e = polynomial(r, 1.0f / 120.0f, 1.0f / 24.0f, 1.0f / 6.0f, 0.5f, 1.0f, 1.0f);  // Taylor's series
  return e * bits_as<float>((bits_as<std::int32_t>(shifted) - 0x4b400000 + 127) << 23);
}

/// e^x = 2^power (q + p) / (q - p), for |x| up to 1e3 or so.
struct ExponentialFraction {
  double p, q;
  std::int64_t power;
};
TASUKI_INLINE ExponentialFraction exponential_fraction(double x) {
  const double rounder = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = x * 1.4426950408889634073599 + rounder;
  const double n = shifted - rounder;
  const std::int64_t i = bits_as<std::int64_t>(shifted) - bits_as<std::int64_t>(rounder);
  double r = x - n * 6.93145751953125e-1;
  r = r - n * 1.42860682030941723212e-6;
  const double s = r * r;
  return {r * polynomial(s, 1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1),
          polynomial(s, 3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1, 2.0), i};
}
TASUKI_INLINE double exponential(double x) {
  x = x > 710.0 ? 710.0 : x;
  x = x < -746.0 ? -746.0 : x;
  const ExponentialFraction f = exponential_fraction(x);
  const double e = 1.0 + 2.0 * (f.p / (f.q - f.p));
  const std::int64_t half = f.power >> 1;
  return e * bits_as<double>((half + 1023) << 52) * bits_as<double>((f.power - half + 1023) << 52);
}

TASUKI_INLINE double exponential_within_87(double x) { return exponential(x); }

/// ln x: -inf of zero, NaN of negative numbers.
TASUKI_INLINE float logarithm(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const float normal = tiny ? x * 8388608.0f : x;
  // x = 2^e * m with m in [sqrt(1/2), sqrt(2))
  const auto bits = static_cast<std::int32_t>(bits_as<std::uint32_t>(normal) - 0x3f3504f3u);  // wraps for negative numbers
  const float e = static_cast<float>(bits >> 23) - (tiny ? 23.0f : 0.0f);
  const float f = bits_as<float>((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
  float result = logarithm_series(f, e);
  result = x == __builtin_inff() ? x : result;
  result = x == 0.0f ? -__builtin_inff() : result;
  return x >= 0.0f ? result : __builtin_nanf("");
}

/// The same for doubles, by fdlibm's series in f / (2 + f).
TASUKI_INLINE double logarithm(double x) {
  const bool tiny = x < 2.2250738585072014e-308;
  const double normal = tiny ? x * 18014398509481984.0 : x;
  const auto bits = static_cast<std::int64_t>(bits_as<std::uint64_t>(normal) - 0x3fe6a09e667f3bcdu);
  // The exponent as a double without a 64-bit conversion, which only AVX-512 has: 2^52 + k in its bits.
  const double e = bits_as<double>((bits >> 52) + 0x4338000000000000) - 6755399441055744.0 - (tiny ? 54.0 : 0.0);
  const double f = bits_as<double>((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd) - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s, w = z * z;
  const double t1 = w * polynomial(w, 1.531383769920937332e-01, 2.222219843214978396e-01, 3.999999999940941908e-01);
  const double t2 = z * polynomial(w, 1.479819860511658591e-01, 1.818357216161805012e-01, 2.857142874366239149e-01, 6.666666666666735130e-01);
  const double half_square = 0.5 * f * f;
  double result = e * 6.93147180369123816490e-01 - ((half_square - (s * (half_square + t1 + t2) + e * 1.90821492927058770002e-10)) - f);
  result = x == __builtin_inf() ? x : result;
  result = x == 0.0 ? -__builtin_inf() : result;
  return x >= 0.0 ? result : __builtin_nan("");
}

/// ln(1 + u) for u >= 0: the rounding of 1 + u is put back to first order.
template <class T>
TASUKI_INLINE T logarithm_of_1_plus(T u) {
  const T w = T(1) + u;
  const T lost = (u - (w - T(1))) / w;
  return u > T(1e30) ? logarithm(u) : logarithm(w) + lost;
}

TASUKI_INLINE float hyperbolic_tangent(float x) {
  const float a = absolute(x);
  const float z = x * x;
  const float p = polynomial(z, -5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f);
  const float near_zero = p * z * a + a;
  const float far = 1.0f - 2.0f / (exponential_within_87(a > 20.0f ? 40.0f : a + a) + 1.0f);
  return with_sign(a < 0.625f ? near_zero : far, x);
}

TASUKI_INLINE double hyperbolic_tangent(double x) {
  const double a = absolute(x);
  const double z = x * x;
  const double p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3;
  const double q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3;
  const double near_zero = a + a * (z * (p / q));
  const double far = 1.0 - 2.0 / (exponential(a + a) + 1.0);
  return with_sign(a < 0.625 ? near_zero : far, x);
}

/// 1 / (1 + e^-x), through e^-|x| so that neither tail loses digits.
template <class T>
TASUKI_INLINE T logistic(T x) {
  const T e = exponential(-absolute(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}

TASUKI_INLINE float error_function(float x) {
  const float t = absolute(x);
  const float s = x * x;
  const float high = polynomial(t, -1.72853470e-5f, 3.83197126e-4f) * s + polynomial(t, -3.88396438e-3f, 2.42546219e-2f);
  const float u = polynomial(t, high, -1.06777877e-1f, -6.34846687e-1f, -1.28717512e-1f, -t);
  const float far = with_sign(1.0f - exponential_within_87(u < -87.0f ? -87.0f : u), x);
  const float p = polynomial(s, -5.96761703e-4f, 4.99119423e-3f, -2.67681349e-2f, 1.12819925e-1f, -3.76125336e-1f, 1.28379166e-1f);
  const float near_zero = p * x + x;
  return t < 0.927734375f ? near_zero : far;
}
TASUKI_INLINE double error_function(double x) { return __builtin_erf(x); }

/// sin(r + quarters * pi/2) for r in [-pi/4, pi/4].
TASUKI_INLINE float sine_of_reduced(float r, std::int32_t quarters) {
  const float z = r * r;
  const float s = polynomial(z, -1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f);
  const float c = polynomial(z, 2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f);
  const float sine = s * z * r + r, cosine = c * z * z - 0.5f * z + 1.0f;
  return bits_as<float>(bits_as<std::uint32_t>(quarters & 1 ? cosine : sine) ^ (static_cast<std::uint32_t>(quarters & 2) << 30));
}
/// sin(|x| + quarters * pi/2), by quarter turns. The reduction is done in doubles: pi/2 as 25 bits, whose multiples are exact, and the rest.
TASUKI_INLINE float sine_in_quarters(float x, std::int32_t quarters) {
  const double magnitude = static_cast<double>(absolute(x));
  const double rounder = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = magnitude * 6.36619772367581382433e-01 + rounder;
  const double turns = shifted - rounder;
  const float r = static_cast<float>((magnitude - turns * 1.57079631090164184570e+00) - turns * 1.58932547735281966916e-08);
  return sine_of_reduced(r, static_cast<std::int32_t>(bits_as<std::uint64_t>(shifted) & 3u) + quarters);
}
/// The same for halves up to 2^16, reduced in f32: pi/2 as twice 8 bits, whose multiples are exact, and the rest.
TASUKI_INLINE float sine_of_half_in_quarters(float x, std::int32_t quarters) {
  const float magnitude = absolute(x);
  const float rounder = 12582912.0f;  // 1.5 * 2^23
  const float shifted = magnitude * 0.636619772f + rounder;
  const float turns = shifted - rounder;
  const float r = ((magnitude - turns * 1.5703125f) - turns * 4.825592041015625e-4f) - turns * 1.2675907949996192e-6f;
  return sine_of_reduced(r, static_cast<std::int32_t>(bits_as<std::uint32_t>(shifted) & 3u) + quarters);
}
/// Larger finite arguments lose their digits in the reduction: loops hand them to libm.
inline constexpr float largest_reduced_angle = 4.0e8f;
TASUKI_INLINE float sine(float x) { return bits_as<float>(bits_as<std::uint32_t>(sine_in_quarters(x, 0)) ^ (bits_as<std::uint32_t>(x) & 0x80000000u)); }
TASUKI_INLINE float cosine(float x) { return sine_in_quarters(x, 1); }
inline constexpr float largest_reduced_half = 65536.0f;
TASUKI_INLINE float sine_of_half(float x) {
  return bits_as<float>(bits_as<std::uint32_t>(sine_of_half_in_quarters(x, 0)) ^ (bits_as<std::uint32_t>(x) & 0x80000000u));
}
TASUKI_INLINE float cosine_of_half(float x) { return sine_of_half_in_quarters(x, 1); }
TASUKI_INLINE double sine(double x) { return __builtin_sin(x); }
TASUKI_INLINE double cosine(double x) { return __builtin_cos(x); }

/// |x|^y as x^y, with the cases of IEEE 754.
template <class T>
TASUKI_INLINE T power_of_signed(T x, T y, T result) {
  const T size = absolute(y);
  constexpr T rounder = sizeof(T) == 4 ? T(8388608.0) : T(4503599627370496.0);  // 2^23, 2^52: from here on every number is whole
  const T nearest = size + rounder - rounder;
  const bool whole = size >= rounder || nearest == size;
  const T half = size * T(0.5);
  const bool odd = whole && size < T(2) * rounder && (half >= rounder ? false : half + rounder - rounder != half);
  const bool negative = with_sign(T(1), x) < T(0);
  result = negative && odd ? -result : result;
  result = x < T(0) && !whole && x != -T(__builtin_inf()) ? T(__builtin_nan("")) : result;
  result = x != x || y != y ? T(__builtin_nan("")) : result;
  // 0 * inf in the exponent: 1^inf and x^0 are 1, and so is (-1)^inf
  return y == T(0) || x == T(1) || (x == T(-1) && size == T(__builtin_inf())) ? T(1) : result;
}
/// x^y: in f32 through logarithm and exponential of doubles.
TASUKI_INLINE float power(float x, float y) {
  return power_of_signed(x, y, static_cast<float>(exponential(static_cast<double>(y) * logarithm(static_cast<double>(absolute(x))))));
}

}  // namespace tasuki::functors::TASUKI_ISA
