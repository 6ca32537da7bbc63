#pragma once
// Functions of doubles without branches, for the loops of elementwise ops; everything else has libm's, by the functions of the same names
// outside of this namespace. sin and cos (up to 1e6), erf, atan, log2 and log10 are within 2 ulp, pow within 1.2, sinh and cosh within 4.
//
// Sources: Taylor's series for sin, cos and sinh; Chebyshev interpolation for erf and atan; reductions after Cody and Waite.
#include "kernels/math.hpp"

namespace tasuki::functors::TASUKI_ISA::doubles {

/// sin(|x| + quarters * pi/2): pi/2 as twice 33 bits, whose multiples are exact, and the rest; what the remainder loses is its tail.
TASUKI_INLINE double sine_in_quarters(double x, std::int64_t quarters) {
  const double magnitude = absolute(x);
  const double rounder = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = magnitude * 6.36619772367581382433e-01 + rounder;
  const double turns = shifted - rounder;
  const double a = magnitude - turns * 1.57079632673412561417, b = turns * 6.0771005063039659766e-11;
  const double r = a - b, of_b = r - a;
  const double tail = ((a - (r - of_b)) - (b + of_b)) - turns * 2.0222662487959507324e-21;
  const double z = r * r;
  const double s = polynomial(z, 1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0, 1.0 / 362880.0,
      -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0);
  const double c = polynomial(z, 1.0 / 20922789888000.0, -1.0 / 87178291200.0, 1.0 / 479001600.0, -1.0 / 3628800.0, 1.0 / 40320.0,
      -1.0 / 720.0, 1.0 / 24.0);
  const double half = 0.5 * z, rest = 1.0 - half;
  const double sine = r + (r * z * s + tail * rest), cosine = rest + (((1.0 - rest) - half) + (c * z * z - r * tail));
  const std::int64_t quarter = static_cast<std::int64_t>(bits_as<std::uint64_t>(shifted) & 3u) + quarters;
  return bits_as<double>(bits_as<std::uint64_t>(quarter & 1 ? cosine : sine) ^ (static_cast<std::uint64_t>(quarter & 2) << 62));
}
inline constexpr double largest_reduced_angle = 1e6;
TASUKI_INLINE double sine(double x) { return bits_as<double>(bits_as<std::uint64_t>(sine_in_quarters(x, std::int64_t{0})) ^ (bits_as<std::uint64_t>(x) & 0x8000000000000000u)); }
TASUKI_INLINE double cosine(double x) { return sine_in_quarters(x, std::int64_t{1}); }

TASUKI_INLINE double error_function(double x) {
  const double a = absolute(x), z = x * x;
  const double p = polynomial(z, -8.1187745375303392237e-10, 1.3882023242271340159e-8, -1.6243514243566621628e-7, 1.6451699204164536218e-6,
      -1.4925060144671022507e-5, 1.2055310571084308962e-4, -8.5483264617286062103e-4, 5.223977616499855594e-3, -2.6866170644290169692e-2,
      1.1283791670951034336e-1, -3.7612638903183674445e-1, 1.2837916709551257143e-1);
  const double near_zero = x * p + x;  // below 0.95
  // 1 - e^-a^2 P(q) / (1 + 2 a)
  const double t = a > 6.0 ? 6.0 : a;
  const double q = (t - 2.0) / (t + 2.0);
  const double r = polynomial(q, 9.3825661915383252525e-6, -1.1948374887015323021e-5, -3.9283655698964280591e-5, -1.4844214906565656625e-6,
      1.5165251934535323608e-4, 2.0630715218899194803e-4, -4.5440952774020495922e-4, -1.4568051521095563083e-3, 1.2713431797661411032e-3,
      8.7226533371988511927e-3, -8.0340152185387804125e-3, -5.4220000977499867751e-2, 1.6405128003543984319e-1, -1.6603039761543008979e-1,
      -9.2763826585754777819e-2, 1.2769783815525289334);
  const double far = with_sign(1.0 - r / (1.0 + 2.0 * t) * exponential(-t * t), x);
  return a < 0.95 ? near_zero : (x == x ? far : x);
}

/// By Chebyshev interpolation on the square of what is below tan(pi/8).
TASUKI_INLINE double arc_tangent(double x) {
  const double a = absolute(x);
  const bool far = a > 2.41421356237309505, middle = a > 0.414213562373095049;
  const double base = far ? 1.57079632679489662 : (middle ? 0.785398163397448310 : 0.0);
  const double of_base = far ? 6.12323399573676589e-17 : (middle ? 3.06161699786838294e-17 : 0.0);
  const double r = (far ? -1.0 : (middle ? a - 1.0 : a)) / (far ? a : (middle ? a + 1.0 : 1.0));
  const double z = r * r;
  const double p = polynomial(z, 1.6285756472956422219e-2, -3.4570561636495768323e-2, 4.5515932072144871322e-2, -5.2304542677099976486e-2,
      5.8789289974355616217e-2, -6.666424885703535087e-2, 7.6922963750302092991e-2, -9.0909087535008099858e-2, 1.1111111105155445222e-1,
      -1.4285714285659827592e-1, 1.9999999999999804526e-1, -3.3333333333333333182e-1);
  return with_sign(base + ((p * z * r + of_base) + r), x);
}

/// e^|x| / 2, which overflows no sooner than the result does: |x| - 1 is exact where it is large.
TASUKI_INLINE double half_exponential(double x) { return 1.35914091422952261768 * exponential(absolute(x) - 1.0); }
TASUKI_INLINE double hyperbolic_sine(double x) {
  const double half = half_exponential(x), z = x * x;
  const double p = polynomial(z, 1.0 / 121645100408832000.0, 1.0 / 355687428096000.0, 1.0 / 1307674368000.0, 1.0 / 6227020800.0,
      1.0 / 39916800.0, 1.0 / 362880.0, 1.0 / 5040.0, 1.0 / 120.0, 1.0 / 6.0);  // Taylor's series
  return absolute(x) < 1.0 ? p * z * x + x : with_sign(half - 0.25 / half, x);
}
TASUKI_INLINE double hyperbolic_cosine(double x) {
  const double half = half_exponential(x);
  return half + 0.25 / half;
}

/// The logarithm as exponent and fraction, which go to another base apart: log2 of a power of two is exact.
TASUKI_INLINE double logarithm_to_base(double x, double high, double low, double of_e) {
  const bool tiny = x < 2.2250738585072014e-308;
  const double normal = tiny ? x * 18014398509481984.0 : x;
  const auto bits = static_cast<std::int64_t>(bits_as<std::uint64_t>(normal) - 0x3fe6a09e667f3bcdu);
  const double e = bits_as<double>((bits >> 52) + 0x4338000000000000) - 6755399441055744.0 - (tiny ? 54.0 : 0.0);  // as in logarithm
  double result = (logarithm(bits_as<double>((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd)) * of_e + e * low) + e * high;
  result = x == __builtin_inf() ? x : result;
  result = x == 0.0 ? -__builtin_inf() : result;
  return x >= 0.0 ? result : __builtin_nan("");
}

#if defined(__FMA__)
/// A number as a sum, the second part of which is what the first one rounds away.
struct Pair {
  double high, low;
};
TASUKI_INLINE Pair exact_product(double a, double b) {
  const double high = a * b;
  return {high, __builtin_fma(a, b, -high)};
}
TASUKI_INLINE Pair multiply(Pair a, Pair b) {
  const Pair p = exact_product(a.high, b.high);
  return {p.high, p.low + (a.high * b.low + a.low * b.high)};
}
/// For |a| >= |b|, or a = 0.
TASUKI_INLINE Pair add_smaller(double a, double b) {
  const double high = a + b;
  return {high, b - (high - a)};
}

/// ln x of a positive finite number to some 2^-64 of it: e ln 2 + 2 (s + s^3/3 + s^5/5 ...) with s = (m - 1) / (m + 1).
TASUKI_INLINE Pair exact_logarithm(double x) {
  const bool tiny = x < 2.2250738585072014e-308;
  const double normal = tiny ? x * 18014398509481984.0 : x;
  const auto bits = static_cast<std::int64_t>(bits_as<std::uint64_t>(normal) - 0x3fe6a09e667f3bcdu);
  const double e = bits_as<double>((bits >> 52) + 0x4338000000000000) - 6755399441055744.0 - (tiny ? 54.0 : 0.0);  // as in logarithm
  const double m = bits_as<double>((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
  const double f = m - 1.0, divisor = m + 1.0, lost = m - (divisor - 1.0), inverse = 1.0 / divisor;
  const double quotient = f * inverse;
  const Pair s{quotient, (__builtin_fma(-quotient, divisor, f) - quotient * lost) * inverse};
  const Pair square = multiply(s, s);
  const double z = square.high;
  const double p = polynomial(z, 1.0 / 23.0, 1.0 / 21.0, 1.0 / 19.0, 1.0 / 17.0, 1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0);
  const Pair third = add_smaller(1.0 / 3.0, z * p);
  const Pair rest = multiply(s, multiply(square, {third.high, third.low + 1.85037170770859413e-17}));  // what 1/3 rounds away
  const Pair a = add_smaller(e * 6.93147180369123816490e-01, 2.0 * s.high), b = add_smaller(a.high, 2.0 * rest.high);
  return add_smaller(b.high, b.low + (a.low + (e * 1.90821492927058770002e-10 + 2.0 * (s.low + rest.low))));
}

/// e^(x + low) for a low that x rounds away.
TASUKI_INLINE double exponential_of_sum(double x, double low) {
  x = x > 710.0 ? 710.0 : x;
  x = x < -746.0 ? -746.0 : x;
  const double rounder = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = x * 1.4426950408889634073599 + rounder;
  const double n = shifted - rounder;
  const std::int64_t i = bits_as<std::int64_t>(shifted) - bits_as<std::int64_t>(rounder);
  const double r = ((x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6) + low;
  const double series = polynomial(r, 1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0,
      1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5);
  const double e = 1.0 + (r * r * series + r);
  const std::int64_t half = i >> 1;
  return e * bits_as<double>((half + 1023) << 52) * bits_as<double>((i - half + 1023) << 52);
}

/// |x|^y; the exponent keeps the digits that the result will need.
TASUKI_INLINE double power_of_absolute(double x, double y) {
  const double a = absolute(x);
  const Pair log_a = exact_logarithm(a);
  const double high = a == 0.0 ? -__builtin_inf() : (a == __builtin_inf() ? a : log_a.high);
  const double exponent = y * high, low = __builtin_fma(y, high, -exponent) + y * log_a.low;
  return exponential_of_sum(exponent, absolute(exponent) < 1000.0 ? low : 0.0);
}
#endif

}  // namespace tasuki::functors::TASUKI_ISA::doubles
