#include "kernels/math.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <type_traits>

#include "kernels/inverse_functions.hpp"
#include "tasuki/core/half.hpp"
#include "tests/catch.hpp"

// The elementary functions of the kernels against libm in double, over arguments of all exponents and both signs.
namespace functors = tasuki::functors::portable;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();

/// The spacing of f32 numbers at `value`.
double spacing(double value) {
  int exponent;
  std::frexp(std::fmax(std::fabs(value), 0x1p-126), &exponent);
  return std::ldexp(1.0, exponent - 24);
}

struct Worst {
  double ulps = 0;
  float at = 0;
};

/// The largest error of f on [-limit, limit], in units of the last place; infinite where f is NaN or infinite and must not be,
/// or the other way round.
template <class F, class Reference>
Worst worst_error(F f, Reference reference, float limit = inf) {
  Worst worst;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 7919) {
    const float x = functors::bits_as<float>(static_cast<std::uint32_t>(bits));
    if (std::fabs(x) > limit) continue;
    const double exact = reference(static_cast<double>(x));
    const float expected = static_cast<float>(exact), actual = f(x);
    double ulps;
    if (std::isnan(expected)) ulps = std::isnan(actual) ? 0 : HUGE_VAL;
    else if (std::isinf(expected) || std::isinf(actual)) ulps = actual == expected || std::fabs(exact) > 3.4028233e38 ? 0 : HUGE_VAL;
    else ulps = std::fabs(static_cast<double>(actual) - exact) / spacing(exact);
    if (!(ulps <= worst.ulps)) worst = {ulps, x};
  }
  return worst;
}

template <class F, class Reference>
void check_error(double most_ulps, F f, Reference reference, float limit = inf) {
  const Worst worst = worst_error(f, reference, limit);
  INFO("worst argument " << worst.at);
  CHECK(worst.ulps <= most_ulps);
  for (const float x : {0.0f, -0.0f, 1.0f, -1.0f, inf, -inf, not_a_number, 1e-40f, -1e-40f}) {
    INFO("special argument " << x);
    const float actual = f(x), expected = static_cast<float>(reference(static_cast<double>(x)));
    if (std::isnan(expected)) CHECK(std::isnan(actual));
    else if (std::isinf(expected)) CHECK(actual == expected);
    else CHECK((std::fabs(actual - expected) <= 2 * spacing(expected) && std::signbit(actual) == std::signbit(expected)));
  }
}

}  // namespace

TEST_CASE("f32 elementary functions are as exact as math.hpp says") {
  SECTION("exp") { check_error(1, [](float x) { return functors::exponential(x); }, [](double x) { return std::exp(x); }); }
  SECTION("log") { check_error(1, [](float x) { return functors::logarithm(x); }, [](double x) { return std::log(x); }); }
  SECTION("tanh") { check_error(1.5, [](float x) { return functors::hyperbolic_tangent(x); }, [](double x) { return std::tanh(x); }); }
  SECTION("sigmoid") {
    check_error(2.5, [](float x) { return functors::logistic(x); }, [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); });
  }
  SECTION("erf") { check_error(1.5, [](float x) { return functors::error_function(x); }, [](double x) { return std::erf(x); }); }
  SECTION("log1p of what is not negative") {
    check_error(1.5, [](float x) { return functors::logarithm_of_1_plus(std::fabs(x)); }, [](double x) { return std::log1p(std::fabs(x)); });
  }
}

TEST_CASE("f32 sine and cosine are exact up to the largest angle that is reduced") {
  const float limit = functors::largest_reduced_angle;
  CHECK(worst_error([](float x) { return functors::sine(x); }, [](double x) { return std::sin(x); }, limit).ulps <= 1.5);
  CHECK(worst_error([](float x) { return functors::cosine(x); }, [](double x) { return std::cos(x); }, limit).ulps <= 1.5);
  CHECK(std::signbit(functors::sine(-0.0f)));
  CHECK(std::isnan(functors::sine(inf)));
  CHECK(std::isnan(functors::cosine(not_a_number)));
}

namespace {
/// The largest error of f on all numbers of a half dtype up to the largest that is reduced, in units of its last place.
template <class Half, class F, class Exact>
double worst_half_error(F&& f, Exact&& exact) {
  double worst = 0;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float x = static_cast<float>(Half::from_bits(static_cast<std::uint16_t>(bits)));
    if (!(std::fabs(x) <= functors::largest_reduced_half)) continue;
    const double expected = exact(static_cast<double>(x)), error = std::fabs(expected - static_cast<double>(f(x)));
    int exponent = 0;
    std::frexp(expected, &exponent);
    worst = std::max(worst, error == 0 ? 0 : std::ldexp(error, (std::is_same_v<Half, tasuki::float16> ? 11 : 8) - exponent));
  }
  return worst;
}
}  // namespace

TEST_CASE("Sine and cosine of all halves are exact to a few hundredths of their last place before they are rounded") {
  const auto sine = [](double x) { return std::sin(x); };
  const auto cosine = [](double x) { return std::cos(x); };
  CHECK(worst_half_error<tasuki::float16>(&functors::sine_of_half, sine) < 0.05);
  CHECK(worst_half_error<tasuki::float16>(&functors::cosine_of_half, cosine) < 0.05);
  CHECK(worst_half_error<tasuki::bfloat16>(&functors::sine_of_half, sine) < 0.05);
  CHECK(worst_half_error<tasuki::bfloat16>(&functors::cosine_of_half, cosine) < 0.05);
}

TEST_CASE("f32 pow is correctly rounded but for rare ties, and follows IEEE 754 at its special cases") {
  for (const float exponent : {2.0f, 3.0f, -1.0f, 0.5f, 2.5f, -1.5f, 0.3333f, 20.0f, 16777217.0f}) {
    INFO("exponent " << exponent);
    CHECK(worst_error([=](float x) { return functors::power(x, exponent); }, [=](double x) { return std::pow(x, static_cast<double>(exponent)); }).ulps <= 0.51);
  }
  const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, -0.5f, 2.0f, -2.0f, 3.0f, -3.0f, 1e10f, -1e10f, inf, -inf, not_a_number};
  for (const float a : special)
    for (const float b : special) {
      INFO(a << " to the power " << b);
      const float actual = functors::power(a, b), expected = std::pow(a, b);
      if (std::isnan(expected)) CHECK(std::isnan(actual));
      else CHECK((actual == expected && std::signbit(actual) == std::signbit(expected)));
    }
}

namespace {
/// The distance from what is exact in units of the last place of doubles.
double ulps_of_double(double actual, long double exact) {
  int exponent;
  std::frexp(std::fmax(std::fabs(static_cast<double>(exact)), 0x1p-1022), &exponent);
  return std::fabs(static_cast<double>(static_cast<long double>(actual) - exact)) / std::ldexp(1.0, exponent - 53);
}

/// The largest error of f over [-limit, limit], and at arguments of all magnitudes below; special arguments give what libm gives.
template <class F, class Reference>
void check_double(double most_ulps, double limit, F f, Reference reference) {
  Worst worst;
  const auto see = [&](double x) {
    const double ulps = ulps_of_double(f(x), reference(static_cast<long double>(x)));
    if (!(ulps <= worst.ulps)) worst = {ulps, static_cast<float>(x)};
  };
  for (int i = -100'000; i <= 100'000; ++i) see(limit * (i * 1e-5) * 0.9999999);
  for (double x = limit; x > 1e-290; x *= 0.93) see(x), see(-x);
  INFO("worst argument " << worst.at);
  CHECK(worst.ulps <= most_ulps);
  for (const double x : {0.0, -0.0, 1.0, -1.0, HUGE_VAL, -HUGE_VAL, std::nan(""), 5e-324, -1e-310}) {
    INFO("special argument " << x);
    const double actual = f(x), expected = static_cast<double>(reference(static_cast<long double>(x)));
    if (std::isnan(expected)) CHECK(std::isnan(actual));
    else if (std::isinf(expected)) CHECK(actual == expected);
    else CHECK((std::signbit(actual) == std::signbit(expected) && ulps_of_double(actual, static_cast<long double>(expected)) <= most_ulps));
  }
}
#define TASUKI_CHECK_DOUBLE(most_ulps, limit, function, reference) \
  check_double(most_ulps, limit, [](double x) { return functors::function(x); }, [](long double x) { return std::reference(x); })
}  // namespace

TEST_CASE("f64 sin, cos and erf are exact to 2 units of the last place, inverse and hyperbolic functions to 4") {
  for (const double limit : {1.0, 30.0, 1e6}) {
    TASUKI_CHECK_DOUBLE(2, limit, doubles::sine, sin);
    TASUKI_CHECK_DOUBLE(2, limit, doubles::cosine, cos);
    TASUKI_CHECK_DOUBLE(4, limit, arc_tangent, atan);
  }
  for (const double limit : {1.0, 6.5}) TASUKI_CHECK_DOUBLE(2, limit, doubles::error_function, erf);
  for (const double limit : {1.0, 20.0, 710.4}) {
    TASUKI_CHECK_DOUBLE(4, limit, hyperbolic_sine, sinh);
    TASUKI_CHECK_DOUBLE(4, limit, hyperbolic_cosine, cosh);
  }
  TASUKI_CHECK_DOUBLE(4, 0.999999, area_tangent, atanh);
  double worst = 0;
  for (double x = 1e-310; x < 1e308; x *= 1.0123) {
    worst = std::max(worst, ulps_of_double(functors::binary_logarithm(x), std::log2(static_cast<long double>(x))));
    worst = std::max(worst, ulps_of_double(functors::decimal_logarithm(x), std::log10(static_cast<long double>(x))));
  }
  CHECK(worst <= 4);
  CHECK(functors::binary_logarithm(0x1p-1060) == -1060);
}

TEST_CASE("f64 exp, log, tanh and sigmoid are exact to 2.5 units of the last place") {
  const auto check = [](double actual, long double exact) {
    int exponent;
    std::frexp(std::fmax(std::fabs(static_cast<double>(exact)), 0x1p-1022), &exponent);
    return std::fabs(static_cast<double>(static_cast<long double>(actual) - exact)) <= 2.5 * std::ldexp(1.0, exponent - 53);
  };
  int wrong = 0;
  for (int i = -200'000; i <= 200'000; ++i) {
    const double x = i * 0.00354 + 1e-5;
    const auto wide = static_cast<long double>(x);
    wrong += !check(functors::exponential(x), std::exp(wide));
    wrong += !check(functors::hyperbolic_tangent(x * 0.01), std::tanh(static_cast<long double>(x * 0.01)));
    wrong += !check(functors::logistic(x), 1 / (1 + std::exp(-wide)));
    wrong += !check(functors::logarithm(std::fabs(x)), std::log(std::fabs(wide)));
  }
  CHECK(wrong == 0);
  CHECK(functors::logarithm(0.0) == -HUGE_VAL);
  CHECK(std::isnan(functors::logarithm(-1.0)));
  CHECK(functors::exponential(710.0) == HUGE_VAL);
  CHECK(functors::exponential(-750.0) == 0);
  CHECK(functors::logarithm(5e-324) == Approx(std::log(5e-324)));
}
