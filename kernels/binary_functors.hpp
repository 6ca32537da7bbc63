#pragma once
// Binary elementwise ops on one element, for the host and for nvcc.
#include <cstdint>
#include <type_traits>

#include "kernels/inverse_functions.hpp"
#include "kernels/math.hpp"

namespace tasuki::functors::TASUKI_ISA {

// Unsigned arithmetic where integers may wrap around, which signed ones must not.
template <class T, bool = std::is_integral_v<T>>
struct Wrapping {
  using type = std::make_unsigned_t<T>;
};
template <class T>
struct Wrapping<T, false> {
  using type = T;
};
template <class T>
using wrapping = typename Wrapping<T>::type;

struct Add {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return static_cast<T>(static_cast<wrapping<T>>(a) + static_cast<wrapping<T>>(b));
  }
};
struct Sub {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return static_cast<T>(static_cast<wrapping<T>>(a) - static_cast<wrapping<T>>(b));
  }
};
struct Mul {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return static_cast<T>(static_cast<wrapping<T>>(a) * static_cast<wrapping<T>>(b));
  }
};
struct Div {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return a / b;
  }
};
struct Maximum {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return a > b || a != a ? a : b;  // a NaN b is what is left when a is not larger
  }
};
struct Minimum {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return a < b || a != a ? a : b;
  }
};
struct Pow {
  static TASUKI_INLINE float f(float a, float b) { return power(a, b); }
  static TASUKI_INLINE double f(double a, double b) { return power(a, b); }
  /// By squaring, wrapping around; the reciprocal of a negative power is rounded toward zero, and 1 / 0 counts as 0.
  template <class T>
    requires(std::is_integral_v<T>)
  static TASUKI_INLINE T f(T a, T b) {
    if (b < 0) return a == 1 ? T(1) : a == static_cast<T>(-1) ? (b & 1 ? a : T(1)) : T(0);
    wrapping<T> result = 1, base = static_cast<wrapping<T>>(a);
    for (wrapping<T> e = static_cast<wrapping<T>>(b); e; e >>= 1) {
      if (e & 1u) result = static_cast<wrapping<T>>(result * base);
      base = static_cast<wrapping<T>>(base * base);
    }
    return static_cast<T>(result);
  }
};

/// What is left of a / b rounded toward zero, and rounded down: with the sign of a, and of b.
/// Quotients of floats below 2^28 times b are exact in doubles, so all that can be wrong is the quotient, by one; others are hard.
struct Fmod {
  static TASUKI_INLINE float f(float a, float b) {
    const double x = absolute(static_cast<double>(a)), y = absolute(static_cast<double>(b));
    const double r = x - y * rounded_to_zero(x / y);
    const double mended = r < 0.0 ? r + y : (r >= y ? r - y : r);
    return with_sign(static_cast<float>(mended), a);
  }
  static TASUKI_INLINE bool is_hard(float a, float b) { return !(absolute(a) < absolute(b) * 268435456.0f && absolute(b) > 1e-30f && absolute(b) < 1e30f); }
  static TASUKI_INLINE float hard(float a, float b) { return __builtin_fmodf(a, b); }
  static TASUKI_INLINE double hard(double a, double b) { return __builtin_fmod(a, b); }
#if defined(__FMA__)  // which keeps all digits of the product, where the quotient has less than 50 bits
  static TASUKI_INLINE double f(double a, double b) {
    const double x = absolute(a), y = absolute(b);
    const double r = __builtin_fma(-rounded_to_zero(x / y), y, x);
    return with_sign(r < 0.0 ? r + y : (r >= y ? r - y : r), a);
  }
  static TASUKI_INLINE bool is_hard(double a, double b) { return !(absolute(a) < absolute(b) * 0x1p50 && absolute(b) > 1e-290 && absolute(b) < 1e290); }
#else
  static TASUKI_INLINE double f(double a, double b) { return hard(a, b); }
  static TASUKI_INLINE bool is_hard(double, double) { return false; }
#endif
};
struct Remainder {
  template <class T>
  static TASUKI_INLINE T with_sign_of(T b, T r) {
    return r != T(0) && (r < T(0)) != (b < T(0)) ? r + b : r;
  }
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return with_sign_of(b, Fmod::f(a, b));
  }
  template <class T>
  static TASUKI_INLINE bool is_hard(T a, T b) {
    return Fmod::is_hard(a, b);
  }
  template <class T>
  static TASUKI_INLINE T hard(T a, T b) {
    return with_sign_of(b, Fmod::hard(a, b));
  }
};
/// a / b rounded down, as Python's //: through what is left, so that a quotient which rounds up to a whole number does not count as one.
struct FloorDivide {
  template <class T>
  static TASUKI_INLINE T without(T rest, T a, T b) {
    const T quotient = (a - rest) / b - (rest != T(0) && (rest < T(0)) != (b < T(0)) ? T(1) : T(0));
    const T low = rounded_down(quotient), nearest = quotient - low > T(0.5) ? low + T(1) : low;
    return quotient == T(0) ? with_sign(T(0), a / b) : nearest;
  }
  template <class T>
    requires(std::is_floating_point_v<T>)
  static TASUKI_INLINE T f(T a, T b) {
    return without(Fmod::f(a, b), a, b);
  }
  template <class T>
    requires(std::is_floating_point_v<T>)
  static TASUKI_INLINE bool is_hard(T a, T b) {
    return Fmod::is_hard(a, b) || b == T(0);
  }
  template <class T>
    requires(std::is_floating_point_v<T>)
  static TASUKI_INLINE T hard(T a, T b) {
    return b == T(0) ? a / b : without(Fmod::hard(a, b), a, b);
  }
  /// What a division by 0 gives is never seen; the lowest integer by -1 wraps around to itself.
  template <class T>
    requires(std::is_integral_v<T>)
  static TASUKI_INLINE T f(T a, T b) {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return static_cast<T>(wrapping<T>(0) - static_cast<wrapping<T>>(a));
      return static_cast<T>(a / b - (a % b != 0 && (a < 0) != (b < 0)));
    } else {
      return static_cast<T>(a / b);
    }
  }
};
/// By the angle of the smaller coordinate against the larger one, in [0, pi/4].
struct Atan2 {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    const T y = absolute(a), x = absolute(b);
    const T large = y > x ? y : x, small = y > x ? x : y;
    const T slope = small == large ? (large == T(0) ? T(0) : T(1)) : small / large;
    const T angle = arc_tangent(slope);
    const T upward = y > x ? T(1.57079632679489662) - angle : angle;
    const T turned = is_negative(b) ? T(3.14159265358979324) - upward : upward;
    return with_sign(a != a || b != b ? T(__builtin_nan("")) : turned, a);
  }
  static TASUKI_INLINE bool is_negative(float v) { return bits_as<std::uint32_t>(v) >> 31 != 0; }
  static TASUKI_INLINE bool is_negative(double v) { return bits_as<std::uint64_t>(v) >> 63 != 0; }
};
struct Hypot {
  static TASUKI_INLINE float f(float a, float b) {
    const double x = static_cast<double>(a), y = static_cast<double>(b);
    const float length = static_cast<float>(square_root(x * x + y * y));
    return absolute(a) == __builtin_inff() || absolute(b) == __builtin_inff() ? __builtin_inff() : length;
  }
  static TASUKI_INLINE double f(double a, double b) {
    const double x = absolute(a), y = absolute(b);
    const double large = x > y ? x : y, small = x > y ? y : x;
    const double slope = small / large;
    const double length = large == 0.0 ? x + y : large * square_root(1.0 + slope * slope);
    return x == __builtin_inf() || y == __builtin_inf() ? __builtin_inf() : length;
  }
};
/// ln(e^a + e^b).
struct LogAddExp {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    const T difference = a == b ? T(0) : -absolute(a - b);  // equal infinities have none
    return Maximum::f(a, b) + logarithm_of_1_plus(exponential(difference));
  }
};

struct Equal {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return a != b;
  }
};
struct Less {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return a <= b;
  }
};
struct Greater {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return a > b;
  }
};
struct GreaterEqual {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return a >= b;
  }
};

/// What is not 0 counts as true.
struct LogicalAnd {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return (a != T(0)) & (b != T(0));
  }
};
struct LogicalOr {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return (a != T(0)) | (b != T(0));
  }
};
struct LogicalXor {
  template <class T>
  static TASUKI_INLINE bool f(T a, T b) {
    return (a != T(0)) != (b != T(0));
  }
};

// -- of integers and bools

struct BitwiseAnd {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct BitwiseOr {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct BitwiseXor {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};
/// A distance of as many bits as T has, or more, or a negative one, shifts everything out.
struct LeftShift {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    constexpr wrapping<T> bits = 8 * sizeof(T);
    const auto distance = static_cast<wrapping<T>>(b);
    return distance < bits ? static_cast<T>(static_cast<wrapping<T>>(a) << distance) : T(0);
  }
};
struct RightShift {
  template <class T>
  static TASUKI_INLINE T f(T a, T b) {
    constexpr wrapping<T> bits = 8 * sizeof(T);
    const auto distance = static_cast<wrapping<T>>(b);
    return distance < bits ? static_cast<T>(a >> distance) : a < T(0) ? static_cast<T>(-1) : T(0);
  }
};

/// x where it is positive, else the weight times x.
struct Prelu {
  template <class T>
  static TASUKI_INLINE T f(T x, T weight) {
    return x > T(0) ? x : weight * x;
  }
};

// -- of three operands and a number

template <class T>
struct Factor {
  T value;
  explicit Factor(const double* parameters) : value(static_cast<T>(parameters[0])) {}
};
struct AddCMul {
  template <class T>
  using Parameters = Factor<T>;
  template <class T>
  static TASUKI_INLINE T f(T x, T a, T b, Factor<T> p) {
    return x + p.value * a * b;
  }
};
struct AddCDiv {
  template <class T>
  using Parameters = Factor<T>;
  template <class T>
  static TASUKI_INLINE T f(T x, T a, T b, Factor<T> p) {
    return x + p.value * a / b;
  }
};

struct Lerp {
  template <class T>
  static TASUKI_INLINE T f(T a, T b, T weight) {
    return a + weight * (b - a);
  }
};

// -- gradients: g is the gradient of the result

struct Copy {
  template <class T>
  static TASUKI_INLINE T f(T g) {
    return g;
  }
};
struct Negate {
  template <class T>
  static TASUKI_INLINE T f(T g) {
    return -g;
  }
};
/// y = a / b by b.
struct DivGradB {
  template <class T>
  static TASUKI_INLINE T f(T g, T y, T b) {
    return -(g * y) / b;
  }
};
/// x + value a b by a, and x + value a / b by a and by b.
struct AddCMulGrad {
  template <class T>
  using Parameters = Factor<T>;
  template <class T>
  static TASUKI_INLINE T f(T g, T b, Factor<T> p) {
    return g * p.value * b;
  }
};
struct AddCDivGradA {
  template <class T>
  using Parameters = Factor<T>;
  template <class T>
  static TASUKI_INLINE T f(T g, T b, Factor<T> p) {
    return g * p.value / b;
  }
};
struct AddCDivGradB {
  template <class T>
  using Parameters = Factor<T>;
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b, Factor<T> p) {
    return -(g * p.value * a) / (b * b);
  }
};
/// a^b by a: b a^(b-1), which is 0 for b = 0 whatever a is.
struct PowGradA {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b) {
    return b == T(0) ? T(0) : g * b * power(a, b - T(1));
  }
};
/// a^b by b: a^b ln a, which is 0 for a = 0 and b >= 0.
struct PowGradB {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b) {
    return a == T(0) && b >= T(0) ? T(0) : g * power(a, b) * logarithm(a);
  }
};
/// The powers that need no logarithm, and their gradients.
struct Cube {
  template <class T>
  static TASUKI_INLINE T f(T a) {
    return a * a * a;
  }
};
struct Root {
  template <class T>
  static TASUKI_INLINE T f(T a) {
    return square_root(a);
  }
};
struct SquareGrad {
  template <class T>
  static TASUKI_INLINE T f(T g, T a) {
    return g * (a + a);
  }
};
struct CubeGrad {
  template <class T>
  static TASUKI_INLINE T f(T g, T a) {
    return g * (T(3) * a * a);
  }
};
struct RootGrad {
  template <class T>
  static TASUKI_INLINE T f(T g, T a) {
    return g * (T(0.5) / square_root(a));
  }
};
/// The share of the first operand of maximum: all where it is larger (or NaN), half at ties.
struct GreaterShare {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b) {
    return a < b ? T(0) : a == b ? g * T(0.5) : g;
  }
};
struct LessShare {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b) {
    return a > b ? T(0) : a == b ? g * T(0.5) : g;
  }
};

struct PreluGradX {
  template <class T>
  static TASUKI_INLINE T f(T g, T x, T weight) {
    return x > T(0) ? g : g * weight;
  }
};
struct PreluGradWeight {
  template <class T>
  static TASUKI_INLINE T f(T g, T x) {
    return x > T(0) ? T(0) : g * x;
  }
};

struct FmodGradB {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b) {
    return -g * rounded_to_zero(a / b);
  }
};
struct RemainderGradB {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b) {
    return -g * rounded_down(a / b);
  }
};
struct Atan2GradA {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b) {
    return g * b / (a * a + b * b);
  }
};
struct Atan2GradB {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T b) {
    return -g * a / (a * a + b * b);
  }
};
struct HypotGradA {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T y) {
    return g * (a / y);
  }
};
struct HypotGradB {
  template <class T>
  static TASUKI_INLINE T f(T g, T y, T b) {
    return g * (b / y);
  }
};
struct LogAddExpGradA {
  template <class T>
  static TASUKI_INLINE T f(T g, T a, T y) {
    return g * exponential(a - y);
  }
};
struct LogAddExpGradB {
  template <class T>
  static TASUKI_INLINE T f(T g, T y, T b) {
    return g * exponential(b - y);
  }
};

}  // namespace tasuki::functors::TASUKI_ISA
