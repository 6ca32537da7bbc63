#pragma once
// The gamma function's logarithm and its derivatives, in double precision, for floats too.
//
// Sources: Lanczos' series with the coefficients of Press et al. (Numerical Recipes, 3rd ed., 6.1); reflection, recurrence and
// asymptotic series of Abramowitz and Stegun, 6.1.17, 6.3.5-18, 6.4.6-7; Hurwitz' zeta function by Euler-Maclaurin.
#include "kernels/math.hpp"

namespace tasuki::functors::TASUKI_ISA {

/// sin(pi x) without losing digits far from 0; 0 at whole numbers.
inline double sine_of_pi_times(double x) {
  const double r = x - 2 * __builtin_floor(x * 0.5 + 0.5);  // in [-1, 1)
  if (r == 0 || r == -1) return 0;
  return __builtin_sin(3.14159265358979323846 * r);
}

inline double log_gamma_of_positive(double x) {
  constexpr double c[] = {57.1562356658629235,      -59.5979603554754912,      14.1360979747417471,       -0.491913816097620199,     .339946499848118887e-4,
                          .465236289270485756e-4,   -.983744753048795646e-4,   .158088703224912494e-3,    -.210264441724104883e-3,   .217439618115212643e-3,
                          -.164318106536763890e-3,  .844182239838527433e-4,    -.261908384015814087e-4,   .368991826595316234e-5};
  double series = 0.999999999999997092, y = x;
  for (const double k : c) series += k / (y += 1);
  const double t = x + 5.24218750000000000;
  return (x + 0.5) * __builtin_log(t) - t + __builtin_log(2.5066282746310005 * series / x);
}

inline double log_gamma(double x) {
  if (x != x) return x;
  if (x - x != 0) return __builtin_inf();
  if (x > 0) return log_gamma_of_positive(x);
  const double sine = sine_of_pi_times(x);
  if (sine == 0) return __builtin_inf();
  return 1.14472988584940017414 - __builtin_log(__builtin_fabs(x * sine)) - log_gamma_of_positive(-x);
}

inline double di_gamma(double x) {
  if (x == 0) return __builtin_copysign(__builtin_inf(), -x);
  double result = 0;
  if (x < 0) {
    const double sine = sine_of_pi_times(x);
    if (sine == 0 || x - x != 0) return __builtin_nan("");
    result = -3.14159265358979323846 * sine_of_pi_times(x + 0.5) / sine;
    x = 1 - x;
  }
  for (; x < 10; x += 1) result -= 1 / x;
  const double z = 1 / (x * x);
  const double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
  return result + __builtin_log(x) - 0.5 / x - series;
}

/// sum over k >= 0 of (q + k)^-s, for whole s >= 2.
inline double hurwitz_zeta(int s, double q) {
  constexpr double b[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510, 43867.0 / 798, -174611.0 / 330};
  if (q <= 0 && q == __builtin_floor(q)) return __builtin_inf();
  if (q < -1e6) return __builtin_nan("");  // the recurrence would take that many steps
  const auto inverse_power = [s](double base) {
    double result = base;
    for (int k = 1; k < s; ++k) result *= base;
    return 1 / result;
  };
  double sum = 0;
  for (const double enough = 10 + s; q < enough; q += 1) sum += inverse_power(q);
  const double power = inverse_power(q);
  sum += power * q / (s - 1) + power / 2;
  double term = power * s / q / 2;  // s (s + 1) ... q^(-s - 2j + 1) / (2j)!
  for (int j = 1; j <= 10; ++j) {
    sum += b[j - 1] * term;
    term *= (s + 2 * j - 1.0) * (s + 2 * j) / ((2 * j + 1.0) * (2 * j + 2)) / (q * q);
  }
  return sum;
}

/// The second derivative of log_gamma for x > 0, without branches: below 8 by recurrence from 8 steps above, whose squares share
/// one division.
TASUKI_INLINE double tri_gamma_by_series(double x) {
  const bool small = x < 8;
  const double y = small ? x + 8 : x, bounded = small ? x : 1.0;
  double numerator = 1, denominator = bounded * bounded;
  for (int k = 1; k < 8; ++k) {
    const double square = (bounded + k) * (bounded + k);
    numerator = numerator * square + denominator;
    denominator *= square;
  }
  const double z = 1 / (y * y);
  const double series = z * (1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z * (1.0 / 30 - z * (5.0 / 66 - z * (691.0 / 2730 - z * (7.0 / 6)))))));
  return (1 + 0.5 / y + series) / y + (small ? numerator / denominator : 0.0);
}

inline double poly_gamma(int n, double x) {
  if (n == 1 && x > 1e-100 && x < 1e100) return tri_gamma_by_series(x);
  if (n == 1 && x < 0) {
    const double sine = sine_of_pi_times(x) / 3.14159265358979323846;
    return 1 / (sine * sine) - hurwitz_zeta(2, 1 - x);
  }
  double factorial = n % 2 ? 1 : -1;
  for (int k = 2; k <= n; ++k) factorial *= k;
  return factorial * hurwitz_zeta(n + 1, x);
}

/// For x > 0, without branches, to 12 digits (of 1 where the result is small): below 8 by recurrence from 8 steps above.
TASUKI_INLINE double log_gamma_by_stirling(double x) {
  const bool small = x < 8;
  const double y = small ? x + 8 : x;
  const double steps = x * (x + 1) * (x + 2) * (x + 3) * (x + 4) * (x + 5) * (x + 6) * (x + 7);
  const double z = 1 / (y * y);
  const double series = (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z * (1.0 / 1188))))) / y;
  return (y - 0.5) * logarithm(y) - y + 0.91893853320467274178 + series - (small ? logarithm(small ? steps : 1.0) : 0.0);
}
/// Its derivative, likewise.
TASUKI_INLINE double di_gamma_by_series(double x) {
  const bool small = x < 8;
  const double y = small ? x + 8 : x;
  const double steps = 1 / x + 1 / (x + 1) + 1 / (x + 2) + 1 / (x + 3) + 1 / (x + 4) + 1 / (x + 5) + 1 / (x + 6) + 1 / (x + 7);
  const double z = 1 / (y * y);
  const double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132)))));
  return logarithm(y) - 0.5 / y - series - (small ? steps : 0.0);
}

inline float log_gamma(float x) { return static_cast<float>(log_gamma(static_cast<double>(x))); }
inline float di_gamma(float x) { return static_cast<float>(di_gamma(static_cast<double>(x))); }
inline float poly_gamma(int n, float x) { return static_cast<float>(poly_gamma(n, static_cast<double>(x))); }

}  // namespace tasuki::functors::TASUKI_ISA
