#pragma once
// The elementwise functions of one operand: f(x, p) and df(x, y, p), its derivative from the operand x or the result y (the one
// that `uses` names), for floating compute types T; p holds the op's numbers. Compiled for the host, per instruction set, and
// fit for nvcc. A line of unary_ops.inc makes an op of each.
#include "kernels/gamma_functions.hpp"
#include "kernels/inverse_functions.hpp"
#include "kernels/math.hpp"

namespace tasuki::functors::TASUKI_ISA {

enum class Uses : unsigned char { input, output, nothing };

template <class T>
struct Numbers {
  T first, second, third;
};

/// e^x - 1 without cancellation near zero.
template <class T>
TASUKI_INLINE T exponential_minus_1(T x) {
  const T e = exponential(x);
  // With e rounded, (e - 1) x / ln e corrects the rounding (Kahan); the limits are taken apart.
  const T log_e = logarithm(e);
  const T near_zero = e == T(1) ? x : (e == T(0) ? T(-1) : (e - T(1)) * (x / log_e));
  return x > T(40) ? e : near_zero;
}

TASUKI_INLINE float error_integral(float x) { return error_function(x); }
TASUKI_INLINE double error_integral(double x) { return doubles::error_function(x); }

/// ln(1 + e^x).
template <class T>
TASUKI_INLINE T soft_plus(T x) {
  return (x > T(0) ? x : T(0)) + logarithm_of_1_plus(exponential(-absolute(x)));
}

/// logistic(x) down to 1e-38, below which it stays.
TASUKI_INLINE float normal_logistic(float x) {
  const float a = absolute(x);
  const float e = exponential_within_87(a > 87.0f ? -87.0f : -a);
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}
TASUKI_INLINE float normal_logistic_of_half(float x) {
  const float a = absolute(x);
  const float e = exponential_of_half_within_87(a > 87.0f ? -87.0f : -a);
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}
/// By one division, as e^-|x| is a fraction itself.
TASUKI_INLINE double normal_logistic(double x) {
  const double a = absolute(x);
  const ExponentialFraction f = exponential_fraction(a > 87.0 ? -87.0 : -a);
  const double below = bits_as<double>((f.power + 1023) << 52) * (f.q + f.p), above = f.q - f.p;
  return (x < 0.0 ? below : above) / (above + below);
}

/// In two steps, each of which is one instruction.
template <class T>
TASUKI_INLINE T limited(T x, Numbers<T> p) {
  const T raised = x < p.first ? p.first : x;
  return raised > p.second ? p.second : raised;
}

#define TASUKI_FUNCTOR(Name, what, f_expression, df_expression)                                     \
  struct Name {                                                                                     \
    static constexpr Uses uses = Uses::what;                                                        \
    template <class T>                                                                              \
    TASUKI_INLINE static T f(T x, [[maybe_unused]] Numbers<T> p) {                                  \
      return f_expression;                                                                          \
    }                                                                                               \
    template <class T>                                                                              \
    TASUKI_INLINE static T df([[maybe_unused]] T x, [[maybe_unused]] T y, [[maybe_unused]] Numbers<T> p) { \
      return df_expression;                                                                         \
    }                                                                                               \
  };

TASUKI_FUNCTOR(Exp, output, exponential(x), y)
TASUKI_FUNCTOR(Log, input, logarithm(x), T(1) / x)
TASUKI_FUNCTOR(Sqrt, output, square_root(x), T(0.5) / y)
TASUKI_FUNCTOR(Rsqrt, output, T(1) / square_root(x), T(-0.5) * y * y * y)
TASUKI_FUNCTOR(Abs, input, absolute(x), x > T(0) ? T(1) : (x < T(0) ? T(-1) : (x == T(0) ? T(0) : x)))
TASUKI_FUNCTOR(Neg, nothing, -x, T(-1))
TASUKI_FUNCTOR(Square, input, x * x, T(2) * x)
TASUKI_FUNCTOR(Reciprocal, output, T(1) / x, -y * y)
TASUKI_FUNCTOR(Tanh, output, hyperbolic_tangent(x), T(1) - y * y)
TASUKI_FUNCTOR(Sigmoid, output, logistic(x), y * (T(1) - y))
TASUKI_FUNCTOR(Relu, output, x > T(0) || x != x ? x : T(0), y > T(0) ? T(1) : T(0))
TASUKI_FUNCTOR(Silu, input, x * logistic(x), logistic(x) * (T(1) + x * (T(1) - logistic(x))))
TASUKI_FUNCTOR(Erf, input, error_integral(x), T(1.12837916709551257390) * exponential(-x * x))
TASUKI_FUNCTOR(LeakyRelu, input, x > T(0) ? x : p.first * x, x > T(0) ? T(1) : p.first)
TASUKI_FUNCTOR(Gelu, input, x * (T(0.5) + T(0.5) * error_integral(x * T(0.70710678118654752440))),
               T(0.5) + T(0.5) * error_integral(x * T(0.70710678118654752440)) + x * (T(0.39894228040143267794) * exponential(T(-0.5) * x * x)))
TASUKI_FUNCTOR(Softplus, input,
               x * p.first > p.second ? x : ((x > T(0) ? x * p.first : T(0)) + logarithm_of_1_plus(exponential(-absolute(x * p.first)))) / p.first,
               x * p.first > p.second ? T(1) : logistic(x * p.first))
TASUKI_FUNCTOR(Clamp, input, limited(x, p), x >= p.first && x <= p.second ? T(1) : T(0))
TASUKI_FUNCTOR(Sign, nothing, x > T(0) ? T(1) : (x < T(0) ? T(-1) : (x == T(0) ? T(0) : x)), T(0))
TASUKI_FUNCTOR(Floor, nothing, rounded_down(x), T(0))
TASUKI_FUNCTOR(Ceil, nothing, rounded_up(x), T(0))
TASUKI_FUNCTOR(Round, nothing, rounded_to_even(x), T(0))
TASUKI_FUNCTOR(Trunc, nothing, rounded_to_zero(x), T(0))
TASUKI_FUNCTOR(Frac, nothing, x - rounded_to_zero(x), T(1))

TASUKI_FUNCTOR(Expm1, output, exponential_minus_1(x), y + T(1))
TASUKI_FUNCTOR(Log1p, input, logarithm_1p(x), T(1) / (T(1) + x))
TASUKI_FUNCTOR(Log2, input, binary_logarithm(x), T(1.44269504088896340736) / x)
TASUKI_FUNCTOR(Log10, input, decimal_logarithm(x), T(0.43429448190325182765) / x)
TASUKI_FUNCTOR(Asin, input, arc_sine(x), T(1) / square_root((T(1) - x) * (T(1) + x)))
TASUKI_FUNCTOR(Acos, input, arc_cosine(x), T(-1) / square_root((T(1) - x) * (T(1) + x)))
TASUKI_FUNCTOR(Atan, input, arc_tangent(x), T(1) / (T(1) + x * x))
TASUKI_FUNCTOR(Sinh, input, hyperbolic_sine(x), hyperbolic_cosine(x))
TASUKI_FUNCTOR(Cosh, input, hyperbolic_cosine(x), hyperbolic_sine(x))
TASUKI_FUNCTOR(Asinh, input, area_sine(x), T(1) / square_root(T(1) + x * x))
TASUKI_FUNCTOR(Acosh, input, area_cosine(x), T(1) / square_root((x - T(1)) * (x + T(1))))
TASUKI_FUNCTOR(Atanh, input, area_tangent(x), T(1) / ((T(1) - x) * (T(1) + x)))
TASUKI_FUNCTOR(Erfc, input, complementary_error_function(x), T(-1.12837916709551257390) * exponential(-x * x))

TASUKI_FUNCTOR(Polygamma, input, poly_gamma(static_cast<int>(p.first), x), poly_gamma(static_cast<int>(p.first) + 1, x))
TASUKI_FUNCTOR(NanToNum, input, x != x ? p.first : (x == T(__builtin_inf()) ? p.second : (x == -T(__builtin_inf()) ? p.third : x)), x - x == T(0) ? T(1) : T(0))

TASUKI_FUNCTOR(Relu6, input, x < T(0) ? T(0) : (x > T(6) ? T(6) : x), x > T(0) && x < T(6) ? T(1) : T(0))
TASUKI_FUNCTOR(Hardtanh, input, x < p.first ? p.first : (x > p.second ? p.second : x), x > p.first && x < p.second ? T(1) : T(0))
TASUKI_FUNCTOR(Hardsigmoid, input, x < T(-3) ? T(0) : (x > T(3) ? T(1) : (x + T(3)) / T(6)), x > T(-3) && x < T(3) ? T(1) / T(6) : T(0))
TASUKI_FUNCTOR(Hardswish, input, x < T(-3) ? T(0) : (x > T(3) ? x : x * ((x + T(3)) / T(6))),
               x <= T(-3) ? T(0) : (x >= T(3) ? T(1) : (x + x + T(3)) / T(6)))
TASUKI_FUNCTOR(Selu, input, T(1.05070098735548049342) * (x > T(0) || x != x ? x : T(1.67326324235437728481) * exponential_minus_1(x)),
               T(1.05070098735548049342) * (x > T(0) ? T(1) : T(1.67326324235437728481) * exponential(x)))
TASUKI_FUNCTOR(Celu, input, x > T(0) || x != x ? x : p.first * exponential_minus_1(x / p.first), x > T(0) ? T(1) : exponential(x / p.first))
TASUKI_FUNCTOR(Mish, input, x * hyperbolic_tangent(soft_plus(x)),
               hyperbolic_tangent(soft_plus(x)) + x * logistic(x) * (T(1) - hyperbolic_tangent(soft_plus(x)) * hyperbolic_tangent(soft_plus(x))))
TASUKI_FUNCTOR(Tanhshrink, input, x - hyperbolic_tangent(x), hyperbolic_tangent(x) * hyperbolic_tangent(x))
TASUKI_FUNCTOR(Softshrink, input, x > p.first ? x - p.first : (x < -p.first ? x + p.first : (x == x ? T(0) : x)), x > p.first || x < -p.first ? T(1) : T(0))
TASUKI_FUNCTOR(Hardshrink, input, x >= -p.first && x <= p.first ? T(0) : x, x >= -p.first && x <= p.first ? T(0) : T(1))
TASUKI_FUNCTOR(Threshold, input, x <= p.first ? p.second : x, x <= p.first ? T(0) : T(1))
#undef TASUKI_FUNCTOR

struct LogSigmoidOfHalf;
struct LogSigmoid {
  using OfHalves = LogSigmoidOfHalf;
  static constexpr Uses uses = Uses::input;
  template <class T>
  TASUKI_INLINE static T f(T x, Numbers<T>) {
    return -soft_plus(-x);
  }
  template <class T>
  TASUKI_INLINE static T df(T x, T, Numbers<T>) {
    return normal_logistic(-x);
  }
};
struct LogSigmoidOfHalf : LogSigmoid {
  TASUKI_INLINE static float df(float x, float, Numbers<float>) { return normal_logistic_of_half(-x); }
};

/// x/2 (1 + tanh u) = x logistic(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
struct GeluTanh {
  static constexpr Uses uses = Uses::input;
  template <class T>
  TASUKI_INLINE static T f(T x, Numbers<T>) {
    return x * logistic(T(1.59576912160573071176) * x * (T(1) + T(0.044715) * x * x));
  }
  template <class T>
  TASUKI_INLINE static T df(T x, T, Numbers<T>) {
    const T s = logistic(T(1.59576912160573071176) * x * (T(1) + T(0.044715) * x * x));
    const T square = x * x > T(1e4) ? T(1e4) : x * x;  // beyond, s (1 - s) is 0, and must not meet an infinity
    return s + x * (s * (T(1) - s)) * (T(1.59576912160573071176) * (T(1) + T(3 * 0.044715) * square));
  }
};

struct Elu {
  static constexpr Uses uses = Uses::input;
  template <class T>
  TASUKI_INLINE static T f(T x, Numbers<T> p) {
    return x > T(0) || x != x ? x : p.first * exponential_minus_1(x);
  }
  template <class T>
  TASUKI_INLINE static T df(T x, T, Numbers<T> p) {
    return x > T(0) ? T(1) : p.first * exponential(x);
  }
};

/// Sine and cosine reduce their argument as far as that is exact and leave the rest to libm.
struct SinOfHalf;
struct CosOfHalf;
struct Sin {
  using OfHalves = SinOfHalf;
  static constexpr Uses uses = Uses::input;
  TASUKI_INLINE static float f(float x, Numbers<float>) { return sine(x); }
  TASUKI_INLINE static float df(float x, float, Numbers<float>) { return cosine(x); }
  TASUKI_INLINE static double f(double x, Numbers<double>) { return doubles::sine(x); }
  TASUKI_INLINE static double df(double x, double, Numbers<double>) { return doubles::cosine(x); }
  TASUKI_INLINE static bool is_hard(float x) { return !(absolute(x) <= largest_reduced_angle); }
  TASUKI_INLINE static bool is_hard(double x) { return !(absolute(x) <= doubles::largest_reduced_angle); }
  TASUKI_INLINE static double hard_f(double x) { return __builtin_sin(x); }
  TASUKI_INLINE static double hard_df(double x) { return __builtin_cos(x); }
  TASUKI_INLINE static float hard_f(float x) { return static_cast<float>(__builtin_sin(static_cast<double>(x))); }
  TASUKI_INLINE static float hard_df(float x) { return static_cast<float>(__builtin_cos(static_cast<double>(x))); }
};
struct Cos {
  using OfHalves = CosOfHalf;
  static constexpr Uses uses = Uses::input;
  TASUKI_INLINE static float f(float x, Numbers<float>) { return cosine(x); }
  TASUKI_INLINE static float df(float x, float, Numbers<float>) { return -sine(x); }
  TASUKI_INLINE static double f(double x, Numbers<double>) { return doubles::cosine(x); }
  TASUKI_INLINE static double df(double x, double, Numbers<double>) { return -doubles::sine(x); }
  TASUKI_INLINE static bool is_hard(float x) { return !(absolute(x) <= largest_reduced_angle); }
  TASUKI_INLINE static bool is_hard(double x) { return !(absolute(x) <= doubles::largest_reduced_angle); }
  TASUKI_INLINE static double hard_f(double x) { return __builtin_cos(x); }
  TASUKI_INLINE static double hard_df(double x) { return -__builtin_sin(x); }
  TASUKI_INLINE static float hard_f(float x) { return static_cast<float>(__builtin_cos(static_cast<double>(x))); }
  TASUKI_INLINE static float hard_df(float x) { return static_cast<float>(-__builtin_sin(static_cast<double>(x))); }
};

/// Halves have so few digits that their angles are reduced in f32 all the way.
struct SinOfHalf : Sin {
  TASUKI_INLINE static float f(float x, Numbers<float>) { return sine_of_half(x); }
  TASUKI_INLINE static float df(float x, float, Numbers<float>) { return cosine_of_half(x); }
  TASUKI_INLINE static bool is_hard(float x) { return !(absolute(x) <= largest_reduced_half); }
};
struct CosOfHalf : Cos {
  TASUKI_INLINE static float f(float x, Numbers<float>) { return cosine_of_half(x); }
  TASUKI_INLINE static float df(float x, float, Numbers<float>) { return -sine_of_half(x); }
  TASUKI_INLINE static bool is_hard(float x) { return !(absolute(x) <= largest_reduced_half); }
};

/// Above 0, floats go through Stirling's series in vectors; the rest is taken apart.
struct Lgamma {
  static constexpr Uses uses = Uses::input;
  TASUKI_INLINE static float f(float x, Numbers<float>) { return static_cast<float>(log_gamma_by_stirling(static_cast<double>(x))); }
  TASUKI_INLINE static float df(float x, float, Numbers<float>) { return static_cast<float>(di_gamma_by_series(static_cast<double>(x))); }
  static constexpr bool hard_floats_only = true;
  TASUKI_INLINE static double f(double x, Numbers<double>) { return log_gamma(x); }
  TASUKI_INLINE static double df(double x, double, Numbers<double>) { return di_gamma(x); }
  TASUKI_INLINE static bool is_hard(float x) { return !(x > 0.0f && x < 3.4e38f); }
  TASUKI_INLINE static float hard_f(float x) { return log_gamma(x); }
  TASUKI_INLINE static float hard_df(float x) { return di_gamma(x); }
};

struct Digamma {
  static constexpr Uses uses = Uses::input;
  TASUKI_INLINE static float f(float x, Numbers<float>) { return static_cast<float>(di_gamma_by_series(static_cast<double>(x))); }
  TASUKI_INLINE static float df(float x, float, Numbers<float>) { return static_cast<float>(tri_gamma_by_series(static_cast<double>(x))); }
  static constexpr bool hard_floats_only = true;
  TASUKI_INLINE static double f(double x, Numbers<double>) { return di_gamma(x); }
  TASUKI_INLINE static double df(double x, double, Numbers<double>) { return poly_gamma(1, x); }
  TASUKI_INLINE static bool is_hard(float x) { return !(x > 1e-30f && x < 3.4e38f); }
  TASUKI_INLINE static float hard_f(float x) { return di_gamma(x); }
  TASUKI_INLINE static float hard_df(float x) { return poly_gamma(1, x); }
};

struct Tan {
  static constexpr Uses uses = Uses::output;
  TASUKI_INLINE static float f(float x, Numbers<float>) { return sine(x) / cosine(x); }
  TASUKI_INLINE static double f(double x, Numbers<double>) { return doubles::sine(x) / doubles::cosine(x); }
  template <class T>
  TASUKI_INLINE static T df(T, T y, Numbers<T>) {
    return T(1) + y * y;
  }
  TASUKI_INLINE static bool is_hard(float x) { return !(absolute(x) <= largest_reduced_angle); }
  TASUKI_INLINE static float hard_f(float x) { return static_cast<float>(__builtin_tan(static_cast<double>(x))); }
  TASUKI_INLINE static bool is_hard(double x) { return !(absolute(x) <= doubles::largest_reduced_angle); }
  TASUKI_INLINE static double hard_f(double x) { return __builtin_tan(x); }
};

}  // namespace tasuki::functors::TASUKI_ISA
