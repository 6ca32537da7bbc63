#include "tasuki/ops/binary.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>

#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/expect_error.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;
using ts::Tensor;

namespace {


double sum_of(double a, double b) { return a + b; }
double difference_of(double a, double b) { return a - b; }
double product_of(double a, double b) { return a * b; }
double quotient_of(double a, double b) { return a / b; }
double larger_of(double a, double b) { return std::isnan(a) || std::isnan(b) ? not_a_number : std::fmax(a, b); }
double smaller_of(double a, double b) { return std::isnan(a) || std::isnan(b) ? not_a_number : std::fmin(a, b); }
double power_of(double a, double b) { return std::pow(a, b); }

/// Every way in which two shapes meet: equal, a row, a column, outer product, missing dimensions, numbers, nothing.
const std::vector<std::vector<Shape>> pairs = {{{3, 4}, {4}},    {{3, 4}, {3, 1}}, {{3, 1}, {1, 4}}, {{4}, {2, 3, 4}}, {{2, 1, 4}, {3, 1}},
                                               {{2, 3}, {}},     {{}, {2, 3}},     {{0}, {1}},       {{2, 0, 3}, {1, 3}},
                                               {{5, 67}, {5, 67}}};

}  // namespace

OP_CASES(binary) {
  return {
      {.op = "add", .inputs = {real({3, 4}), real({3, 4})}, .forward = [](const Inputs& in) { return in[0] + in[1]; }, .reference = pointwise(sum_of), .flags = elementwise, .more_shapes = pairs},
      {.op = "sub", .inputs = {real({3, 4}), real({3, 4})}, .forward = [](const Inputs& in) { return in[0] - in[1]; }, .reference = pointwise(difference_of), .flags = elementwise, .more_shapes = pairs},
      {.op = "mul", .inputs = {real({3, 4}), real({3, 4})}, .forward = [](const Inputs& in) { return in[0] * in[1]; }, .reference = pointwise(product_of), .flags = elementwise, .more_shapes = pairs},
      {.op = "div", .inputs = {real({3, 4}), real({3, 4}, 0.5, 2)}, .forward = [](const Inputs& in) { return in[0] / in[1]; }, .reference = pointwise(quotient_of), .flags = elementwise, .more_shapes = pairs},
      {.op = "pow", .inputs = {real({3, 4}, 0.2, 2), real({3, 4})}, .forward = [](const Inputs& in) { return ts::pow(in[0], in[1]); }, .reference = pointwise(power_of), .flags = no_nan, .more_shapes = pairs, .slack = 4},
      {.op = "maximum", .inputs = {distinct({3, 4}, -2, 2), distinct({3, 4}, -1.93, 2.07)}, .forward = [](const Inputs& in) { return ts::maximum(in[0], in[1]); }, .reference = pointwise(larger_of), .flags = elementwise},
      {.op = "minimum", .inputs = {distinct({3, 4}, -2, 2), distinct({3, 4}, -1.93, 2.07)}, .forward = [](const Inputs& in) { return ts::minimum(in[0], in[1]); }, .reference = pointwise(smaller_of), .flags = elementwise},
      {.op = "add", .variant = "of integers", .inputs = {indices({3, 4}, 0, 9), indices({4}, 0, 9)}, .forward = [](const Inputs& in) { return in[0] + in[1]; }, .reference = pointwise(sum_of), .dtypes = {ts::i64, ts::i32, ts::u8}, .flags = no_gradient},
      {.op = "mul", .variant = "of integers", .inputs = {indices({3, 4}, 0, 9), indices({3, 1}, 0, 9)}, .forward = [](const Inputs& in) { return in[0] * in[1]; }, .reference = pointwise(product_of), .dtypes = {ts::i64, ts::i32, ts::u8}, .flags = no_gradient},
  };
}

OP_CASES(binary_functions) {
  const auto of = [](const char* name, ts::Tensor (*op)(const ts::Tensor&, ts::Operand), Input a, Input b, double (*reference)(double, double), double slack = 1) -> OpCase {
    return {.op = name, .inputs = {std::move(a), std::move(b)}, .forward = [op](const Inputs& in) { return op(in[0], in[1]); }, .reference = pointwise(reference), .flags = elementwise, .more_shapes = pairs, .slack = slack};
  };
  const Shape s{3, 4};
  // quotients of fmod and remainder keep away from whole numbers, where the functions jump
  std::vector<OpCase> cases{
      of("fmod", &ts::fmod, real(s, 4.2, 5.8), real(s, 2.05, 2.08), [](double a, double b) { return std::fmod(a, b); }),
      of("fmod", &ts::fmod, real(s, -5.8, -4.2), real(s, 2.05, 2.08), [](double a, double b) { return std::fmod(a, b); }),
      of("remainder", &ts::remainder, real(s, 4.2, 5.8), real(s, 2.05, 2.08), [](double a, double b) { return a - b * std::floor(a / b); }, 8),
      of("remainder", &ts::remainder, real(s, -5.8, -4.2), real(s, 2.05, 2.08), [](double a, double b) { return a - b * std::floor(a / b); }, 8),
      of("atan2", &ts::atan2, real(s, 0.3, 2), real(s, -2, -0.3), [](double a, double b) { return std::atan2(a, b); }),
      of("hypot", &ts::hypot, real(s, 0.3, 2), real(s, -2, -0.3), [](double a, double b) { return std::hypot(a, b); }),
      of("logaddexp", &ts::logaddexp, real(s), real(s), [](double a, double b) { return std::fmax(a, b) + std::log1p(std::exp(-std::fabs(a - b))); }, 2),
      {.op = "prelu", .inputs = {real_avoiding({2, 3, 4}, {0}), real({3})}, .forward = [](const Inputs& in) { return ts::prelu(in[0], in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y = in[0];
         const std::int64_t inner = in[1].numel() == 1 ? y.numel() + 1 : y.shape[2];
         for (std::int64_t i = 0; i < y.numel(); ++i) y[i] *= y[i] > 0 ? 1 : in[1][i / inner % in[1].numel()];
         return y;
       },
       .more_shapes = {{{2, 3, 4}, {1}}, {{2, 0, 4}, {0}}, {{2, 3, 67}, {}}}},
      {.op = "prelu", .variant = "of one slope", .inputs = {real_avoiding({5}, {0}), real({1})}, .forward = [](const Inputs& in) { return ts::prelu(in[0], in[1]); },
       .reference = pointwise([](double x, double w) { return x > 0 ? x : w * x; }), .more_shapes = {{{}, {}}, {{0}, {1}}}},
      {.op = "lerp", .inputs = {real(s), real(s), real(s, 0, 1)}, .forward = [](const Inputs& in) { return ts::lerp(in[0], in[1], in[2]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(broadcast_shape(broadcast_shape(in[0].shape, in[1].shape), in[2].shape));
         for (std::int64_t i = 0; i < y.numel(); ++i) {
           const double a = in[0].broadcast(y.shape, i);
           y[i] = a + in[2].broadcast(y.shape, i) * (in[1].broadcast(y.shape, i) - a);
         }
         return y;
       },
       .more_shapes = {{{3, 4}, {4}, {}}}, .slack = 2},
      {.op = "lerp", .variant = "by a number", .inputs = {real(s), real(s)}, .forward = [](const Inputs& in) { return ts::lerp(in[0], in[1], 0.25); },
       .reference = pointwise([](double a, double b) { return a + 0.25 * (b - a); }), .slack = 2},
      {.op = "atan2", .variant = "with a number", .inputs = {real(s)}, .forward = [](const Inputs& in) { return ts::atan2(in[0], 0.5); }, .reference = pointwise([](double a) { return std::atan2(a, 0.5); })},
      {.op = "hypot", .variant = "with a number", .inputs = {real(s)}, .forward = [](const Inputs& in) { return ts::hypot(in[0], 0.5); }, .reference = pointwise([](double a) { return std::hypot(a, 0.5); })},
      {.op = "logaddexp", .variant = "with a number", .inputs = {real(s)}, .forward = [](const Inputs& in) { return ts::logaddexp(in[0], 0.5); },
       .reference = pointwise([](double a) { return std::log(std::exp(a) + std::exp(0.5)); }), .slack = 2},
      {.op = "floor_divide", .inputs = {real(s, -5.8, 5.8), real(s, 2.05, 2.08)}, .forward = [](const Inputs& in) { return ts::floor_divide(in[0], in[1]); },
       .reference = pointwise([](double a, double b) { return std::floor(a / b); }), .flags = no_gradient | no_nan, .more_shapes = pairs},
      {.op = "floor_divide", .variant = "of integers", .inputs = {indices(s, -9, 10), indices(s, 1, 4)}, .forward = [](const Inputs& in) { return ts::floor_divide(in[0], in[1]); },
       .reference = pointwise([](double a, double b) { return std::floor(a / b); }), .dtypes = {ts::i64, ts::i32}, .flags = no_gradient, .more_shapes = pairs},
      {.op = "floor_divide", .variant = "by a number", .inputs = {indices(s, 0, 100)}, .forward = [](const Inputs& in) { return ts::floor_divide(in[0], 7); },
       .reference = pointwise([](double a) { return std::floor(a / 7); }), .dtypes = {ts::i64, ts::i32, ts::u8}, .flags = no_gradient},
      {.op = "remainder", .variant = "by a number", .inputs = {real(s, 4.2, 5.8)}, .forward = [](const Inputs& in) { return ts::remainder(in[0], -2.05); },
       .reference = pointwise([](double a) { return a + 2.05 * std::floor(a / -2.05); }), .slack = 8},
  };
  cases[1].variant = cases[3].variant = "of negative numbers";
  return cases;
}

TEST_CASE("gradients of fmod and remainder count whole quotients, which the quotient of halves may round up to") {
  for (const auto& [op, numerator, whole] : {std::tuple{&ts::remainder, -1.71875, 2.0}, {&ts::remainder, 1.71875, -3.0}, {&ts::fmod, -1.71875, 2.0}, {&ts::fmod, 1.71875, -2.0}}) {
    const Tensor a = to_tensor({3}, {numerator, numerator, numerator}, ts::bf16), b = to_tensor({1}, {-0.57421875}, ts::bf16).requires_grad_();  // 2.993
    op(a, {b, ts::SourceLocation::current()}).sum().backward();
    CHECK(to_host(b.grad())[0] == -3 * whole);
  }
}

TEST_CASE("floor_divide rounds down as Python's //, where the rounded quotient would be too large, too") {
  const auto quotients = [](std::vector<double> a, std::vector<double> b, ts::DType dtype) {
    const Shape shape{static_cast<std::int64_t>(a.size())};
    return to_host(ts::floor_divide(to_tensor(HostArray(shape, std::move(a)), dtype), to_tensor(HostArray(shape, std::move(b)), dtype))).values;
  };
  for (const ts::DType dtype : {ts::i64, ts::f64}) CHECK(quotients({7, -7, 7, -7, -6}, {2, 2, -2, -2, 3}, dtype) == std::vector<double>{3, -4, -4, 3, -2});
  CHECK(quotients({1, 6, -1}, {0.1, 0.1, 3}, ts::f64) == std::vector<double>{9, 59, -1});  // 1 / 0.1 rounds to 10
  const auto special = quotients({1, -1, 0, INFINITY, 1, -1}, {0, 0, 0, 2, INFINITY, INFINITY}, ts::f32);
  CHECK(special[0] == INFINITY);
  CHECK(special[1] == -INFINITY);
  CHECK(std::isnan(special[2]));
  CHECK(std::isnan(special[3]));
  CHECK(std::vector<double>(special.begin() + 4, special.end()) == std::vector<double>{0, -1});
  const Tensor lowest = ts::full(1, static_cast<double>(std::numeric_limits<std::int32_t>::min()), {.dtype = ts::i32});
  CHECK(ts::floor_divide(lowest, -1).item<std::int32_t>() == std::numeric_limits<std::int32_t>::min());
}

TEST_CASE("remainder has the sign of the divisor, fmod that of the dividend, and logaddexp takes infinities") {
  const ts::Tensor a = to_tensor({4}, {5, -5, 5, -5}, ts::f32), b = to_tensor({4}, {3, 3, -3, -3}, ts::f32);
  CHECK(to_host(ts::remainder(a, b)).values == std::vector<double>{2, 1, -1, -2});
  CHECK(to_host(ts::fmod(a, b)).values == std::vector<double>{2, -2, 2, -2});
  const ts::Tensor far = to_tensor({3}, {1e12, -7e15, 1e300}, ts::f64), near = to_tensor({3}, {3.3, 0.7, 1e-3}, ts::f64);
  CHECK(to_host(ts::fmod(far, near)).values == std::vector<double>{std::fmod(1e12, 3.3), std::fmod(-7e15, 0.7), std::fmod(1e300, 1e-3)});
  const ts::Tensor ends = to_tensor({3}, {-infinity, infinity, 1000}, ts::f32);
  CHECK(to_host(ts::logaddexp(ends, ends)).values == std::vector<double>{-infinity, infinity, rounded_to(1000 + std::log(2.0), ts::f32)});
  tasuki::testing::expect_error([&] { ts::fmod(a.to(ts::i64), 2); },
                                "DTypeError: fmod\n"
                                "  expected  a floating dtype\n"
                                "  actual    i64\n"
                                "  cast first with .to(ts::f32)\n"
                                "  a: i64[4] cpu\n"
                                "  called at <here>");
}

OP_CASES(scalar) {
  return {
      {.op = "add", .variant = "of a number", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return in[0] + 1.5; }, .reference = pointwise([](double x) { return x + 1.5; }), .flags = elementwise},
      {.op = "sub", .variant = "of a number", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return in[0] - 1.5; }, .reference = pointwise([](double x) { return x - 1.5; }), .flags = elementwise},
      {.op = "mul", .variant = "by a number", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return in[0] * 1.5; }, .reference = pointwise([](double x) { return x * 1.5; }), .flags = elementwise},
      {.op = "div", .variant = "by a number", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return in[0] / 1.5; }, .reference = pointwise([](double x) { return x / 1.5; }), .flags = elementwise},
      {.op = "sub", .variant = "from a number", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return 1.5 - in[0]; }, .reference = pointwise([](double x) { return 1.5 - x; }), .flags = elementwise},
      {.op = "div", .variant = "of a number", .inputs = {real({3, 4}, 0.5, 2)}, .forward = [](const Inputs& in) { return 1.5 / in[0]; }, .reference = pointwise([](double x) { return 1.5 / x; }), .flags = elementwise},
      {.op = "pow", .variant = "to 2", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return ts::pow(in[0], 2); }, .reference = pointwise([](double x) { return x * x; }), .flags = elementwise},
      {.op = "pow", .variant = "to 3", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return ts::pow(in[0], 3); }, .reference = pointwise([](double x) { return x * x * x; }), .flags = elementwise},
      {.op = "pow", .variant = "to 1/2", .inputs = {real({3, 4}, 0.2, 2)}, .forward = [](const Inputs& in) { return ts::pow(in[0], 0.5); }, .reference = pointwise([](double x) { return std::pow(x, 0.5); }), .flags = no_nan},
      {.op = "pow", .variant = "to -1.5", .inputs = {real({3, 4}, 0.5, 2)}, .forward = [](const Inputs& in) { return ts::pow(in[0], -1.5); }, .reference = pointwise([](double x) { return std::pow(x, -1.5); }), .flags = elementwise, .slack = 2},
      {.op = "pow", .variant = "to 0", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return ts::pow(in[0], 0); }, .reference = pointwise([](double) { return 1.0; }), .flags = no_nan},
      {.op = "pow", .variant = "of a number", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return ts::pow(1.7, in[0]); }, .reference = pointwise([](double x) { return std::pow(1.7, x); }), .flags = elementwise, .slack = 2},
      {.op = "maximum", .variant = "with a number", .inputs = {real_avoiding({3, 4}, {0.5})}, .forward = [](const Inputs& in) { return ts::maximum(in[0], 0.5); }, .reference = pointwise([](double x) { return larger_of(x, 0.5); }), .flags = elementwise},
      {.op = "minimum", .variant = "with a number", .inputs = {real_avoiding({3, 4}, {0.5})}, .forward = [](const Inputs& in) { return ts::minimum(in[0], 0.5); }, .reference = pointwise([](double x) { return smaller_of(x, 0.5); }), .flags = elementwise},
  };
}

TEST_CASE("Operators keep the dtype of the tensor beside a number") {
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8}) {
    const ts::Tensor x = to_tensor({3}, {1, 2, 3}, dtype);
    INFO(ts::name_of(dtype));
    CHECK((x + 2).dtype() == dtype);
    CHECK(to_host(2 * x + 1.0).values == std::vector<double>{3, 5, 7});
    CHECK(to_host(7 - x).values == std::vector<double>{6, 5, 4});
  }
}

TEST_CASE("A number beside half types is not rounded to them") {
  const ts::Tensor x = to_tensor({1}, {1000}, ts::bf16);
  // 1.001 is 1 in bf16; the product 1001 is nearer to 1000 (spacing 4) than to 1004, 1003.9 = 1000 * 1.0039 is not.
  CHECK(to_host(x * 1.0025).values == std::vector<double>{1004});
  CHECK(to_host(to_tensor({1}, {1024}, ts::f16) + 0.4999).values == std::vector<double>{1024});
  CHECK(to_host(to_tensor({1}, {3}, ts::f16) * 1e5 * 1e-5).values == std::vector<double>{infinity});
  CHECK(to_host(to_tensor({1}, {0.125}, ts::f16) * 1e5).values == std::vector<double>{12496});
}

TEST_CASE("Integers wrap around") {
  CHECK(to_host(to_tensor({2}, {250, 3}, ts::u8) + 10).values == std::vector<double>{4, 13});
  CHECK(to_host(to_tensor({1}, {2147483647}, ts::i32) + 1).values == std::vector<double>{-2147483648.0});
}

TEST_CASE("maximum and minimum share the gradient of equal operands") {
  const ts::Tensor a = to_tensor({3}, {1, 2, 3}, ts::f64).requires_grad_(), b = to_tensor({3}, {1, 3, 2}, ts::f64).requires_grad_();
  ts::maximum(a, b).sum().backward();
  CHECK(to_host(a.grad()).values == std::vector<double>{0.5, 0, 1});
  CHECK(to_host(b.grad()).values == std::vector<double>{0.5, 1, 0});
}

TEST_CASE("The gradient of pow is finite where its limit is") {
  const ts::Tensor a = to_tensor({3}, {0, 0, 2}, ts::f64).requires_grad_(), b = to_tensor({3}, {0, 2, 0}, ts::f64).requires_grad_();
  ts::pow(a, b).sum().backward();
  CHECK(to_host(a.grad()).values == std::vector<double>{0, 0, 0});
  CHECK(to_host(b.grad()).values == std::vector<double>{0, 0, std::log(2.0)});
}

TEST_CASE("In-place arithmetic writes through views and keeps dtype and shape") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  x.slice(1, 0, 2).mul_(10);
  CHECK(to_host(x).values == std::vector<double>{10, 20, 3, 40, 50, 6});
  x.t().add_(to_tensor({2}, {1, 2}));
  CHECK(to_host(x).values == std::vector<double>{11, 21, 4, 42, 52, 8});
  x.select(0, 1).sub_(2).div_(to_tensor({3}, {2, 5, 3}));
  CHECK(to_host(x).values == std::vector<double>{11, 21, 4, 20, 10, 2});
  ts::Tensor y = x;
  y += 1;
  y *= y;
  CHECK(to_host(x).values == std::vector<double>{144, 484, 25, 441, 121, 9});
  CHECK(y.is_same(x));
}

TEST_CASE("In-place arithmetic with another view of the same elements uses their old values") {
  const ts::Tensor x = to_tensor({4}, {1, 2, 3, 4});
  x.slice(0, 1, 4).add_(x.slice(0, 0, 3));
  CHECK(to_host(x).values == std::vector<double>{1, 3, 5, 7});
  const ts::Tensor m = to_tensor({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  m.sub_(m.t());
  CHECK(to_host(m).values == std::vector<double>{0, -2, -4, 2, 0, -2, 4, 2, 0});
  const ts::Tensor rows = to_tensor({2, 2}, {1, 2, 3, 4});
  rows.mul_(rows[0]);
  CHECK(to_host(rows).values == std::vector<double>{1, 4, 3, 8});
}

TEST_CASE("Gradients of in-place arithmetic reach what was overwritten and what was added") {
  const ts::Tensor x = to_tensor({2, 2}, {1, 2, 3, 4}, ts::f64).requires_grad_(), b = to_tensor({2}, {5, 6}, ts::f64).requires_grad_();
  ts::Tensor y = x * 1;
  y.add_(b).mul_(3);
  (y * y).sum().backward();
  CHECK(to_host(x.grad()).values == std::vector<double>{108, 144, 144, 180});
  CHECK(to_host(b.grad()).values == std::vector<double>{252, 324});
}

TEST_CASE("Results are laid out as the operand that has their shape") {
  const ts::Tensor image = to_tensor(HostArray(Shape{2, 3, 4, 5}, 1), ts::f32).contiguous(ts::MemoryFormat::channels_last);
  const ts::Tensor bias = to_tensor({3, 1, 1}, {1, 2, 3});
  CHECK((image + bias).is_contiguous(ts::MemoryFormat::channels_last));
  CHECK((bias + image).is_contiguous(ts::MemoryFormat::channels_last));
  CHECK((image * 2).is_contiguous(ts::MemoryFormat::channels_last));
}

TEST_CASE("Arithmetic of halves is that of f32, rounded once, however operands repeat and whatever is left of a vector") {
  const auto check = [](const Tensor& a, const Tensor& b, ts::DType dtype) {
    const auto same = [&](const Tensor& halves, const Tensor& wide) { CHECK(bytes_of(halves) == bytes_of(wide.to(dtype))); };
    const Tensor x = a.to(dtype), y = b.to(dtype), wide_x = x.to(ts::f32), wide_y = y.to(ts::f32);
    same(x + y, wide_x + wide_y);
    same(x - y, wide_x - wide_y);
    same(x * y, wide_x * wide_y);
    same(x / y, wide_x / wide_y);
    same(x * 0.3, wide_x * 0.3);
    same(0.3 / y, 0.3 / wide_y);
    if (a.ndim() < b.ndim() || a.shape() != (a + b).shape()) return;
    const Tensor in_place = x.clone();
    in_place.mul_(y);
    same(in_place, wide_x * wide_y);
  };
  for (const ts::DType dtype : {ts::bf16, ts::f16})
    for (const std::int64_t n : {1, 7, 16, 17, 40}) {
      HostArray values(Shape{3, n});
      for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = 0.5 + 3 * std::sin(static_cast<double>(i) * 0.7);
      const Tensor a = to_tensor(values, ts::f32), b = a.square() + 0.25, column = b.narrow(1, 0, 1), row = b.select(0, 1);
      INFO(ts::name_of(dtype) << ", rows of " << n);
      check(a, b, dtype);
      check(a, row, dtype);
      check(row, a, dtype);
      check(a, column, dtype);
      check(column, a + 9, dtype);
      check(column, row, dtype);
      check(a.t(), b.t(), dtype);
      check(a.t().contiguous(), b.t(), dtype);
    }
}

TEST_CASE("Binary ops have the same bits for any number of threads") {
  HostArray values(Shape{513, 700});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = 1.5 + std::sin(static_cast<double>(i) * 0.7);
  const ts::Tensor x = to_tensor(values, ts::f32), row = x[3];
  const int threads = ts::num_threads();
  const auto all = [&] { return bytes_of(x * x) + bytes_of(x / row) + bytes_of(ts::pow(x, x)) + bytes_of(x.t() + 1) + bytes_of(x.to(ts::bf16) + row.to(ts::bf16)); };
  ts::set_num_threads(1);
  const std::string alone = all();
  for (const int count : {2, 5}) {
    ts::set_num_threads(count);
    CHECK(all() == alone);
  }
  ts::set_num_threads(threads);
}

TEST_CASE("lerp of halves is that of f32, rounded once, and so are its gradients") {
  for (const ts::DType dtype : {ts::bf16, ts::f16}) {
    const ts::Tensor a = to_tensor({3}, {1, -2, 0.5}, dtype), b = to_tensor({3}, {1.0078125, 3, -0.4375}, dtype);
    a.requires_grad_();
    const ts::Tensor y = ts::lerp(a, b, 0.9);
    CHECK(to_host(y.detach()).values == to_host(ts::lerp(a.detach().to(ts::f32), b.to(ts::f32), 0.9).to(dtype)).values);
    ts::sum(y).backward();
    CHECK(to_host(a.grad()).values == to_host((ts::ones({3}) - ts::full({3}, 0.9)).to(dtype)).values);
  }
}

TEST_CASE("f64 pow is within 1.2 units of the last place, and follows IEEE 754 at its special cases") {
  std::vector<double> bases, exponents;
  for (int i = 0; i < 4000; ++i) {
    const double turn = std::fmod(0.6180339887498949 * i, 1.0), other = std::fmod(0.7548776662466927 * i, 1.0);
    const double base = i % 2 ? std::exp2(2000 * turn - 1000) : 1 + 1e-3 * (turn - 0.5);
    bases.push_back(base);
    exponents.push_back((2 * other - 1) * 700 / std::fabs(std::log(base) + 1e-12));
  }
  const double inf = std::numeric_limits<double>::infinity();
  const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 1e300, -1e300, 5e-324, -5e-324, inf, -inf, not_a_number, 0x1p52, 0x1p53, 0x1p53 - 1, -(0x1p53 - 1)};
  for (const double a : special)
    for (const double b : special) bases.push_back(a), exponents.push_back(b);
  const auto n = static_cast<std::int64_t>(bases.size());
  const std::vector<double> actual = to_host(ts::pow(ts::from(bases, Shape{n}), ts::from(exponents, Shape{n}))).values;
  for (std::size_t i = 0; i < bases.size(); ++i) {
    INFO(bases[i] << " to the power " << exponents[i]);
    const double expected = std::pow(bases[i], exponents[i]);
    if (std::isnan(expected)) {
      CHECK(std::isnan(actual[i]));
      continue;
    }
    CHECK(std::signbit(actual[i]) == std::signbit(expected));
    if (std::isinf(expected)) {
      CHECK(actual[i] == expected);
      continue;
    }
    if (std::fabs(expected) < std::numeric_limits<double>::min()) {
      CHECK(std::fabs(actual[i] - expected) <= 5e-324);
      continue;
    }
    const long double exact = std::pow(static_cast<long double>(bases[i]), static_cast<long double>(exponents[i]));
    int exponent;
    std::frexp(expected, &exponent);
    CHECK(std::fabs(static_cast<double>(static_cast<long double>(actual[i]) - exact)) <= 1.2 * std::ldexp(1.0, exponent - 53));
  }
}

TEST_CASE("Operands whose columns lie side by side give what their copies give") {
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::u8})
    for (const Shape& shape : {Shape{45, 300}, Shape{16, 16}, Shape{33, 257}, Shape{2, 40, 70}}) {
      HostArray values(shape);
      for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = static_cast<double>(i * 7 % 11 + 1);
      const Tensor a = to_tensor(values, dtype), turned = (a + a).transpose(-1, -2).contiguous().transpose(-1, -2);
      INFO(ts::name_of(dtype) << ", " << shape[0] << " rows");
      const Tensor dense = turned.contiguous();
      CHECK(to_host(a + turned).values == to_host(a + dense).values);
      CHECK(to_host(turned * a).values == to_host(dense * a).values);
      const Tensor bound = ts::full({}, 9).to(dtype);
      CHECK(to_host(ts::where(turned.gt(bound), a, turned)).values == to_host(ts::where(dense.gt(bound), a, dense)).values);
    }
}
