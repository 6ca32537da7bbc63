#include "tasuki/ops/unary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;
using ts::Tensor;

namespace {


double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double sign_keeping_nan(double x, double y) { return std::isnan(x) ? x : y; }

OpCase unary(const char* name, Input input, std::function<Outputs(const Inputs&)> forward, double (*reference)(double), double slack = 1) {
  return {.op = name, .inputs = {std::move(input)}, .forward = std::move(forward), .reference = pointwise(reference), .flags = elementwise, .more_shapes = {{{5, 67}}, {{1}}}, .slack = slack};
}

/// The ops by name, each with a domain on which it is smooth and libm's version.
std::vector<OpCase> family() {
  const Shape s{3, 4};
  return {
      unary("exp", real(s), [](const Inputs& in) { return ts::exp(in[0]); }, [](double x) { return std::exp(x); }),
      unary("log", real(s, 0.3, 4), [](const Inputs& in) { return ts::log(in[0]); }, [](double x) { return std::log(x); }),
      unary("sqrt", real(s, 0.3, 4), [](const Inputs& in) { return ts::sqrt(in[0]); }, [](double x) { return std::sqrt(x); }),
      unary("rsqrt", real(s, 0.3, 4), [](const Inputs& in) { return ts::rsqrt(in[0]); }, [](double x) { return 1 / std::sqrt(x); }),
      unary("abs", real_avoiding(s, {0}), [](const Inputs& in) { return ts::abs(in[0]); }, [](double x) { return std::fabs(x); }),
      unary("neg", real(s), [](const Inputs& in) { return -in[0]; }, [](double x) { return -x; }),
      unary("square", real(s), [](const Inputs& in) { return ts::square(in[0]); }, [](double x) { return x * x; }),
      unary("reciprocal", real(s, 0.5, 2), [](const Inputs& in) { return ts::reciprocal(in[0]); }, [](double x) { return 1 / x; }),
      unary("sin", real(s, -7, 7), [](const Inputs& in) { return ts::sin(in[0]); }, [](double x) { return std::sin(x); }),
      unary("cos", real(s, -7, 7), [](const Inputs& in) { return ts::cos(in[0]); }, [](double x) { return std::cos(x); }),
      unary("tanh", real(s), [](const Inputs& in) { return ts::tanh(in[0]); }, [](double x) { return std::tanh(x); }),
      unary("sigmoid", real(s, -5, 5), [](const Inputs& in) { return ts::sigmoid(in[0]); }, sigmoid_of),
      unary("relu", real_avoiding(s, {0}), [](const Inputs& in) { return ts::relu(in[0]); }, [](double x) { return sign_keeping_nan(x, std::fmax(x, 0)); }),
      unary("leaky_relu", real_avoiding(s, {0}), [](const Inputs& in) { return ts::leaky_relu(in[0], 0.2); }, [](double x) { return x > 0 ? x : 0.2 * x; }),
      unary("elu", real_avoiding(s, {0}), [](const Inputs& in) { return ts::elu(in[0], 1.5); }, [](double x) { return x > 0 ? x : 1.5 * std::expm1(x); }, 2),
      {.op = "gelu", .inputs = {real(s)}, .forward = [](const Inputs& in) { return ts::gelu(in[0]); }, .reference = pointwise([](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }), .flags = no_nan, .more_shapes = {{{}}, {{0, 3}}, {{5, 67}}}, .slack = 4},
      {.op = "gelu_tanh", .inputs = {real(s, -4, 4)}, .forward = [](const Inputs& in) { return ts::gelu_tanh(in[0]); }, .reference = pointwise([](double x) { return 0.5 * x * (1 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x))); }), .flags = no_nan, .more_shapes = {{{}}, {{0, 3}}, {{5, 67}}}, .slack = 4},
      {.op = "silu", .inputs = {real(s, -5, 5)}, .forward = [](const Inputs& in) { return ts::silu(in[0]); }, .reference = pointwise([](double x) { return x * sigmoid_of(x); }), .flags = no_nan, .more_shapes = {{{}}, {{0, 3}}, {{5, 67}}}, .slack = 2},
      unary("softplus", real(s, -5, 5), [](const Inputs& in) { return ts::softplus(in[0]); }, [](double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }, 2),
      unary("softplus", real_avoiding(s, {1.5}), [](const Inputs& in) { return ts::softplus(in[0], 2, 3); }, [](double x) { return 2 * x > 3 ? x : sign_keeping_nan(x, std::log1p(std::exp(2 * x)) / 2); }, 2),
      unary("erf", real(s), [](const Inputs& in) { return ts::erf(in[0]); }, [](double x) { return std::erf(x); }),
      unary("clamp_min", real_avoiding(s, {-1}), [](const Inputs& in) { return ts::clamp_min(in[0], -1); }, [](double x) { return sign_keeping_nan(x, std::fmax(x, -1)); }),
      unary("clamp_max", real_avoiding(s, {0.5}), [](const Inputs& in) { return ts::clamp_max(in[0], 0.5); }, [](double x) { return sign_keeping_nan(x, std::fmin(x, 0.5)); }),
      unary("clamp", real_avoiding(s, {-1, 0.5}), [](const Inputs& in) { return ts::clamp(in[0], -1, 0.5); }, [](double x) { return sign_keeping_nan(x, std::fmin(std::fmax(x, -1), 0.5)); }),
  };
}

/// The ops that are functions only.
std::vector<OpCase> functions() {
  const Shape s{3, 4};
  const Input steps = real_avoiding(s, {-2, -1, 0, 1, 2}, -2.4, 2.4);
  return {
      unary("expm1", real(s), [](const Inputs& in) { return ts::expm1(in[0]); }, [](double x) { return std::expm1(x); }),
      unary("log1p", real(s, -0.7, 3), [](const Inputs& in) { return ts::log1p(in[0]); }, [](double x) { return std::log1p(x); }),
      unary("log2", real(s, 0.3, 4), [](const Inputs& in) { return ts::log2(in[0]); }, [](double x) { return std::log2(x); }),
      unary("log10", real(s, 0.3, 4), [](const Inputs& in) { return ts::log10(in[0]); }, [](double x) { return std::log10(x); }),
      unary("tan", real(s, -1.2, 1.2), [](const Inputs& in) { return ts::tan(in[0]); }, [](double x) { return std::tan(x); }),
      unary("asin", real(s, -0.9, 0.9), [](const Inputs& in) { return ts::asin(in[0]); }, [](double x) { return std::asin(x); }),
      unary("acos", real(s, -0.9, 0.9), [](const Inputs& in) { return ts::acos(in[0]); }, [](double x) { return std::acos(x); }),
      unary("atan", real(s, -4, 4), [](const Inputs& in) { return ts::atan(in[0]); }, [](double x) { return std::atan(x); }),
      unary("sinh", real(s), [](const Inputs& in) { return ts::sinh(in[0]); }, [](double x) { return std::sinh(x); }),
      unary("cosh", real(s), [](const Inputs& in) { return ts::cosh(in[0]); }, [](double x) { return std::cosh(x); }),
      unary("asinh", real(s, -4, 4), [](const Inputs& in) { return ts::asinh(in[0]); }, [](double x) { return std::asinh(x); }),
      unary("acosh", real(s, 1.3, 4), [](const Inputs& in) { return ts::acosh(in[0]); }, [](double x) { return std::acosh(x); }),
      unary("atanh", real(s, -0.8, 0.8), [](const Inputs& in) { return ts::atanh(in[0]); }, [](double x) { return std::atanh(x); }, 2),
      unary("erfc", real(s), [](const Inputs& in) { return ts::erfc(in[0]); }, [](double x) { return std::erfc(x); }),
      unary("lgamma", real(s, 0.2, 5), [](const Inputs& in) { return ts::lgamma(in[0]); }, [](double x) { return std::lgamma(x); }, 4),
      unary("lgamma", real(s, -1.8, -1.2), [](const Inputs& in) { return ts::lgamma(in[0]); }, [](double x) { return std::lgamma(x); }, 8),
      {.op = "digamma", .inputs = {real(s, 0.3, 5)}, .forward = [](const Inputs& in) { return ts::digamma(in[0]); }, .more_shapes = {{{}}, {{0, 3}}, {{5, 67}}}, .slack = 4},
      {.op = "digamma", .variant = "below zero", .inputs = {real(s, -1.8, -1.2)}, .forward = [](const Inputs& in) { return ts::digamma(in[0]); }, .slack = 16},
      {.op = "polygamma", .inputs = {real(s, 0.5, 4)}, .forward = [](const Inputs& in) { return ts::polygamma(2, in[0]); }, .more_shapes = {{{}}, {{0, 3}}}, .slack = 16},
      unary("nan_to_num", real(s), [](const Inputs& in) { return ts::nan_to_num(in[0], 0.5, 2, -3); }, [](double x) { return std::isnan(x) ? 0.5 : x == infinity ? 2 : x == -infinity ? -3 : x; }),
      unary("sign", steps, [](const Inputs& in) { return ts::sign(in[0]); }, [](double x) { return std::isnan(x) ? x : double(x > 0) - double(x < 0); }),
      unary("floor", steps, [](const Inputs& in) { return ts::floor(in[0]); }, [](double x) { return std::floor(x); }),
      unary("ceil", steps, [](const Inputs& in) { return ts::ceil(in[0]); }, [](double x) { return std::ceil(x); }),
      unary("round", real_avoiding(s, {-1.5, -0.5, 0.5, 1.5}), [](const Inputs& in) { return ts::round(in[0]); }, [](double x) { return std::nearbyint(x); }),
      unary("trunc", steps, [](const Inputs& in) { return ts::trunc(in[0]); }, [](double x) { return std::trunc(x); }),
      unary("frac", steps, [](const Inputs& in) { return ts::frac(in[0]); }, [](double x) { return x - std::trunc(x); }),
      unary("relu6", real_avoiding(s, {0, 6}, -2, 8), [](const Inputs& in) { return ts::relu6(in[0]); }, [](double x) { return sign_keeping_nan(x, std::fmin(std::fmax(x, 0), 6)); }),
      unary("hardtanh", real_avoiding(s, {-1, 0.5}), [](const Inputs& in) { return ts::hardtanh(in[0], -1, 0.5); }, [](double x) { return sign_keeping_nan(x, std::fmin(std::fmax(x, -1), 0.5)); }),
      unary("hardsigmoid", real_avoiding(s, {-3, 3}, -5, 5), [](const Inputs& in) { return ts::hardsigmoid(in[0]); }, [](double x) { return sign_keeping_nan(x, std::fmin(std::fmax(x + 3, 0), 6) / 6); }),
      unary("hardswish", real_avoiding(s, {-3, 3}, -5, 5), [](const Inputs& in) { return ts::hardswish(in[0]); }, [](double x) { return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6; }),
      unary("selu", real_avoiding(s, {0}), [](const Inputs& in) { return ts::selu(in[0]); }, [](double x) { return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x)); }, 2),
      unary("celu", real_avoiding(s, {0}), [](const Inputs& in) { return ts::celu(in[0], 1.5); }, [](double x) { return x > 0 ? x : 1.5 * std::expm1(x / 1.5); }, 2),
      {.op = "mish", .inputs = {real(s, -5, 5)}, .forward = [](const Inputs& in) { return ts::mish(in[0]); }, .reference = pointwise([](double x) { return x * std::tanh(std::log1p(std::exp(x))); }), .flags = no_nan, .more_shapes = {{{}}, {{0, 3}}, {{5, 67}}}, .slack = 4},
      unary("logsigmoid", real(s, -5, 5), [](const Inputs& in) { return ts::logsigmoid(in[0]); }, [](double x) { return std::fmin(x, 0) - std::log1p(std::exp(-std::fabs(x))); }, 2),
      unary("tanhshrink", real(s, -4, 4), [](const Inputs& in) { return ts::tanhshrink(in[0]); }, [](double x) { return x - std::tanh(x); }, 4),
      unary("softshrink", real_avoiding(s, {-0.7, 0.7}), [](const Inputs& in) { return ts::softshrink(in[0], 0.7); }, [](double x) { return x > 0.7 ? x - 0.7 : x < -0.7 ? x + 0.7 : std::isnan(x) ? x : 0; }, 2),
  };
}

}  // namespace

OP_CASES(unary) {
  std::vector<OpCase> cases = family();
  cases[19].variant = "with a threshold within reach";
  return cases;
}

OP_CASES(unary_functions) {
  std::vector<OpCase> cases = functions();
  const auto second = std::find_if(cases.begin(), cases.end(), [](const OpCase& c) { return c.op == "lgamma"; }) + 1;
  second->variant = "below zero";
  for (OpCase& c : cases)
    if (c.op == "nan_to_num") c.flags |= no_nan;
  return cases;
}

OP_CASES(integer_unary) {
  const auto of = [](const char* name, std::function<Outputs(const Inputs&)> forward, double (*reference)(double)) -> OpCase {
    return {.op = name, .variant = "of integers", .inputs = {indices({3, 4}, -5, 5)}, .forward = std::move(forward), .reference = pointwise(reference), .dtypes = {ts::i64, ts::i32}, .flags = no_gradient};
  };
  return {
      of("neg", [](const Inputs& in) { return ts::neg(in[0]); }, [](double x) { return -x; }),
      of("abs", [](const Inputs& in) { return ts::abs(in[0]); }, [](double x) { return std::fabs(x); }),
      of("square", [](const Inputs& in) { return ts::square(in[0]); }, [](double x) { return x * x; }),
      of("relu", [](const Inputs& in) { return ts::relu(in[0]); }, [](double x) { return std::fmax(x, 0); }),
      of("sign", [](const Inputs& in) { return ts::sign(in[0]); }, [](double x) { return double(x > 0) - double(x < 0); }),
      of("clamp_min", [](const Inputs& in) { return ts::clamp_min(in[0], -2); }, [](double x) { return std::fmax(x, -2); }),
      of("clamp_max", [](const Inputs& in) { return ts::clamp_max(in[0], 3); }, [](double x) { return std::fmin(x, 3); }),
      of("clamp", [](const Inputs& in) { return ts::clamp(in[0], -2, 3); }, [](double x) { return std::fmin(std::fmax(x, -2), 3); }),
  };
}

TEST_CASE("Unary ops are methods too") {
  const Tensor x = to_tensor({2}, {0.5, 1});
  CHECK(bytes_of(x.tanh()) == bytes_of(ts::tanh(x)));
  CHECK(bytes_of(x.silu()) == bytes_of(ts::silu(x)));
  CHECK(bytes_of(-x) == bytes_of(x.neg()));
}

TEST_CASE("Derivatives at kinks are zero, and gradients of saturated functions are finite") {
  const Tensor x = to_tensor({4}, {0, 1000, -1000, 90}, ts::f32).requires_grad_();
  const auto gradient = [&](const Tensor& y) {
    x.zero_grad();
    y.sum().backward();
    return to_host(x.grad()).values;
  };
  CHECK(gradient(ts::abs(x)) == std::vector<double>{0, 1, -1, 1});
  CHECK(gradient(ts::relu(x)) == std::vector<double>{0, 1, 0, 1});
  CHECK(gradient(ts::tanh(x)) == std::vector<double>{1, 0, 0, 0});
  CHECK(gradient(ts::sigmoid(x))[1] == 0);
  CHECK(gradient(ts::elu(x)) == std::vector<double>{1, 1, 0, 1});
  CHECK(gradient(ts::softplus(x)) == std::vector<double>{0.5, 1, 0, 1});
  CHECK(gradient(ts::silu(x)) == std::vector<double>{0.5, 1, 0, 1});
  CHECK(gradient(ts::gelu(x)) == std::vector<double>{0.5, 1, 0, 1});
  CHECK(gradient(ts::gelu_tanh(x)) == std::vector<double>{0.5, 1, 0, 1});
  CHECK(gradient(ts::clamp(x, 0, 100)) == std::vector<double>{1, 0, 0, 1});
}

TEST_CASE("Limits at infinity") {
  const Tensor x = to_tensor({3}, {infinity, -infinity, not_a_number}, ts::f32);
  const auto check = [](const Tensor& y, double at_inf, double at_minus_inf) {
    const HostArray h = to_host(y);
    CHECK(h[0] == at_inf);
    CHECK(h[1] == at_minus_inf);
    CHECK(std::isnan(h[2]));
  };
  check(ts::softplus(x), infinity, 0);
  check(ts::elu(x), infinity, -1);
  check(ts::tanh(x), 1, -1);
  check(ts::sigmoid(x), 1, 0);
  check(ts::erf(x), 1, -1);
  check(ts::relu(x), infinity, 0);
}

TEST_CASE("Sine and cosine of huge angles are libm's") {
  const Tensor x = to_tensor({4}, {1e9, -3e20, 3.4e38, 0.5}, ts::f32);
  const HostArray in = to_host(x), sines = to_host(ts::sin(x)), cosines = to_host(ts::cos(x));
  for (int i = 0; i < 4; ++i) {
    CHECK(sines[i] == Approx(std::sin(in[i])).epsilon(1e-6));
    CHECK(cosines[i] == Approx(std::cos(in[i])).epsilon(1e-6));
  }
}

TEST_CASE("Unary ops have the same bits for any number of threads, any strides and any place in an array") {
  HostArray values(Shape{400, 401});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = 3 * std::sin(static_cast<double>(i) * 0.7);
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16}) {
    const Tensor x = to_tensor(values, dtype);
    const int threads = ts::num_threads();
    ts::set_num_threads(1);
    const std::string alone = bytes_of(ts::gelu(x));
    ts::set_num_threads(3);
    CHECK(bytes_of(ts::gelu(x)) == alone);
    ts::set_num_threads(threads);
    CHECK(bytes_of(ts::gelu(x.t()).t()) == alone);
    CHECK(bytes_of(ts::gelu(x.slice(1, 5, 122))) == bytes_of(ts::gelu(x).slice(1, 5, 122)));
  }
}

TEST_CASE("expm1 and log1p keep the digits of small arguments, inverse functions those near their ends") {
  const Tensor small = to_tensor({4}, {1e-7, -3e-6, 1e-20, -1e-3}, ts::f32);
  const HostArray x = to_host(small), grown = to_host(ts::expm1(small)), logs = to_host(ts::log1p(small)), areas = to_host(ts::asinh(small));
  for (int i = 0; i < 4; ++i) {
    CHECK(grown[i] == Approx(std::expm1(x[i])).epsilon(1e-6));
    CHECK(logs[i] == Approx(std::log1p(x[i])).epsilon(1e-6));
    CHECK(areas[i] == Approx(std::asinh(x[i])).epsilon(1e-6));
  }
  const Tensor ends = to_tensor({4}, {0.99999, -0.99999, 1, -1}, ts::f32);
  const HostArray e = to_host(ends), arcs = to_host(ts::acos(ends));
  for (int i = 0; i < 4; ++i) CHECK(arcs[i] == Approx(std::acos(e[i])).epsilon(1e-6));
  const Tensor large = to_tensor({3}, {88, -50, 1e20}, ts::f32);
  const HostArray l = to_host(large), sines = to_host(ts::sinh(large)), area = to_host(ts::asinh(large));
  for (int i = 0; i < 2; ++i) CHECK(sines[i] == Approx(std::sinh(l[i])).epsilon(1e-5));
  CHECK(area[2] == Approx(std::asinh(l[2])).epsilon(1e-6));
  CHECK(to_host(ts::log2(to_tensor({3}, {8, 0.25, 1024}, ts::f32))).values == std::vector<double>{3, -2, 10});
  CHECK(to_host(ts::round(to_tensor({4}, {0.5, 1.5, -0.5, 2.5}, ts::f32))).values == std::vector<double>{0, 2, 0, 2});
}

TEST_CASE("The gamma functions have the values of the tables") {
  const Tensor x = to_tensor({6}, {0.5, 1, 2.5, 100, -0.5, -2.5}, ts::f64);
  const auto near = [](const Tensor& y, std::initializer_list<double> expected) {
    std::int64_t i = 0;
    for (const double v : expected) CHECK(to_host(y)[i++] == Approx(v).epsilon(1e-12).margin(1e-14));
  };
  near(ts::lgamma(x), {0.57236494292470008707, 0, 0.28468287047291915963, 359.13420536957539878, 1.26551212348464539649, -0.05624371649767405067});
  near(ts::digamma(x), {-1.96351002602142347944, -0.57721566490153286061, 0.70315664064524318723, 4.60016185273808740019, 0.03648997397857652056, 1.10315664064524318723});
  near(ts::polygamma(1, x), {4.93480220054467930942, 1.64493406684822643647, 0.49035775610023486497, 0.01005016666333357140, 8.93480220054467930942, 9.53924664498912375387});
  near(ts::polygamma(2, x), {-16.8287966442343199956, -2.40411380631918857080});
  const Tensor poles = to_tensor({3}, {0, -3, infinity}, ts::f32);
  CHECK(to_host(ts::lgamma(poles)).values == std::vector<double>{infinity, infinity, infinity});
  CHECK(to_host(ts::digamma(poles))[0] == -infinity);
  CHECK(std::isnan(to_host(ts::digamma(poles))[1]));
}

TEST_CASE("nan_to_num takes the extremes of the dtype, and passes gradients of finite elements alone") {
  for (const ts::DType dtype : {ts::f32, ts::bf16, ts::f16, ts::f64}) {
    const Tensor x = to_tensor({4}, {infinity, -infinity, not_a_number, 3}, dtype).requires_grad_();
    const Tensor y = ts::nan_to_num(x);
    const HostArray values = to_host(y);
    CHECK((values[0] > 60000 && std::isfinite(values[0])));
    CHECK(values[1] == -values[0]);
    CHECK(values[2] == 0);
    CHECK(std::isinf(to_host(ts::nan_to_num(x) * 1.01)[0]));
    y.sum().backward();
    CHECK(to_host(x.grad()).values == std::vector<double>{0, 0, 0, 1});
  }
}

TEST_CASE("The derivative of hardswish is that of its flat side at -3 and 3") {
  const Tensor x = to_tensor({2}, {-3, 3}, ts::f32);
  x.requires_grad_();
  ts::sum(ts::hardswish(x)).backward();
  CHECK(to_host(x.grad()).values == std::vector<double>{0, 1});
}
