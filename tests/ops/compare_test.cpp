#include "tasuki/ops/compare.hpp"

#include <cmath>
#include <limits>

#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/view.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

namespace {
const std::vector<ts::DType> number_dtypes{ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8};

OpCase comparison(const char* name, ts::Tensor (*op)(const ts::Tensor&, ts::Operand), double (*reference)(double, double)) {
  return {.op = name,
          .inputs = {{.shape = {3, 4}, .lo = 0, .hi = 3, .fill = Fill::integers}, {.shape = {3, 4}, .lo = 0, .hi = 3, .fill = Fill::integers}},
          .forward = [op](const Inputs& in) { return op(in[0], in[1]); },
          .reference = pointwise(reference),
          .dtypes = number_dtypes,
          .flags = no_gradient | no_nan,
          .more_shapes = {{{3, 4}, {4}}, {{3, 1}, {1, 4}}, {{}, {2, 3}}, {{0}, {1}}, {{5, 67}, {5, 67}}}};
}
}  // namespace

namespace {

/// |a - b| <= atol + rtol |b|, or equal infinities, or NaN and NaN.
double close(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)) || (std::isfinite(a - b) && std::abs(a - b) <= 0.2 + 0.3 * std::abs(b)); }

}  // namespace

OP_CASES(close) {
  return {{.op = "isclose",
           .inputs = {{.shape = {3, 4}, .lo = -4, .hi = 4, .fill = Fill::integers}, {.shape = {3, 4}, .lo = -4, .hi = 4, .fill = Fill::integers}},
           .forward = [](const Inputs& in) { return ts::isclose(in[0], in[1], {.rtol = 0.3, .atol = 0.2, .equal_nan = true}); },
           .reference = pointwise(close),
           .flags = no_gradient | no_nan,
           .more_shapes = {{{3, 4}, {4}}, {{}, {2, 3}}, {{0}, {1}}, {{5, 67}, {5, 67}}}}};
}

TEST_CASE("Closeness of infinities and NaN, of whole tensors and of bits") {
  const ts::Tensor a = to_tensor({5}, {infinity, infinity, not_a_number, 1, 1}), b = to_tensor({5}, {infinity, -infinity, not_a_number, infinity, 1.000001});
  CHECK(to_host(ts::isclose(a, b)).values == std::vector<double>{1, 0, 0, 0, 1});
  CHECK(to_host(ts::isclose(a, b, {.equal_nan = true})).values == std::vector<double>{1, 0, 1, 0, 1});
  const ts::Tensor x = to_tensor({2}, {1, 2}), near = to_tensor({2}, {1, 2.000001});
  CHECK(ts::allclose(x, near));
  CHECK_FALSE(ts::allclose(x, near, {.rtol = 0}));
  CHECK(ts::equal(x, x.clone()));
  CHECK_FALSE(ts::equal(x, near));
  CHECK_FALSE(ts::equal(x, x.unsqueeze(0)));
  CHECK(ts::equal(to_tensor({2}, {1, 2}, ts::i64), to_tensor({2}, {1, 2}, ts::i64)));
}

TEST_CASE("Misuse of closeness is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2}), n = x.to(ts::i64);
  const std::string mixed = "\n  expected  b of dtype f32\n  actual    i64\n  cast it with .to(ts::f32)\n  a: f32[2] cpu   b: i64[2] cpu\n  called at <here>";
  expect_error([&] { ts::isclose(x, n); }, "DTypeError: isclose" + mixed);
  expect_error([&] { ts::allclose(x, n); }, "DTypeError: isclose" + mixed);
  expect_error([&] { ts::equal(x, n); }, "DTypeError: equal" + mixed);
  expect_error([&] { ts::isclose(n, n); }, "DTypeError: isclose\n  expected  a of a floating dtype\n  actual    i64\n  a: i64[2] cpu   b: i64[2] cpu\n  called at <here>");
}

OP_CASES(compare) {
  return {
      comparison("eq", &ts::eq, [](double a, double b) -> double { return a == b; }),
      comparison("ne", &ts::ne, [](double a, double b) -> double { return a != b; }),
      comparison("lt", &ts::lt, [](double a, double b) -> double { return a < b; }),
      comparison("le", &ts::le, [](double a, double b) -> double { return a <= b; }),
      comparison("gt", &ts::gt, [](double a, double b) -> double { return a > b; }),
      comparison("ge", &ts::ge, [](double a, double b) -> double { return a >= b; }),
      comparison("logical_and", &ts::logical_and, [](double a, double b) -> double { return a != 0 && b != 0; }),
      comparison("logical_or", &ts::logical_or, [](double a, double b) -> double { return a != 0 || b != 0; }),
      comparison("logical_xor", &ts::logical_xor, [](double a, double b) -> double { return (a != 0) != (b != 0); }),
      {.op = "logical_not", .inputs = {{.shape = {3, 4}, .lo = 0, .hi = 2, .fill = Fill::integers}}, .forward = [](const Inputs& in) { return ts::logical_not(in[0]); }, .reference = pointwise([](double x) -> double { return x == 0; }), .dtypes = number_dtypes, .flags = no_gradient | no_nan},
      {.op = "gt", .variant = "of a number", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return in[0].gt(0.25); }, .reference = pointwise([](double x) -> double { return x > 0.25; }), .flags = no_gradient | no_nan},
      {.op = "where",
       .inputs = {booleans({3, 4}), real({3, 4}), real({3, 4})},
       .forward = [](const Inputs& in) { return ts::where(in[0], in[1], in[2]); },
       .reference =
           [](const HostArrays& in) -> HostArrays {
             HostArray out(broadcast_shape(broadcast_shape(in[0].shape, in[1].shape), in[2].shape));
             for (std::int64_t i = 0; i < out.numel(); ++i) out[i] = in[in[0].broadcast(out.shape, i) != 0 ? 1 : 2].broadcast(out.shape, i);
             return out;
           },
       .flags = no_nan,
       .more_shapes = {{{3, 1}, {4}, {3, 4}}, {{}, {2, 3}, {3}}, {{2, 2}, {}, {}}, {{0}, {0}, {1}}}},
  };
}

OP_CASES(classify) {
  const auto of = [](const char* name, ts::Tensor (*op)(const ts::Tensor&, ts::SourceLocation), double (*reference)(double)) -> OpCase {
    return {.op = name, .inputs = {real({3, 4})}, .forward = [op](const Inputs& in) { return op(in[0], ts::SourceLocation::current()); }, .reference = pointwise(reference), .dtypes = number_dtypes, .flags = no_gradient | elementwise | no_nan};
  };
  return {
      of("isnan", &ts::isnan, [](double x) -> double { return std::isnan(x); }),
      of("isinf", &ts::isinf, [](double x) -> double { return std::isinf(x); }),
      of("isfinite", &ts::isfinite, [](double x) -> double { return std::isfinite(x); }),
      {.op = "masked_fill",
       .inputs = {real({3, 4}), booleans({3, 4})},
       .forward = [](const Inputs& in) { return ts::masked_fill(in[0], in[1], -1.5); },
       .reference =
           [](const HostArrays& in) -> HostArrays {
             HostArray y(broadcast_shape(in[0].shape, in[1].shape));
             for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = in[1].broadcast(y.shape, i) != 0 ? -1.5 : in[0].broadcast(y.shape, i);
             return y;
           },
       .flags = no_nan,
       .more_shapes = {{{3, 4}, {4}}, {{2, 3}, {}}, {{0}, {1}}}},
  };
}

TEST_CASE("Only ne is true beside NaN") {
  const ts::Tensor x = to_tensor({2}, {not_a_number, 1});
  CHECK(to_host(x.eq(x)).values == std::vector<double>{0, 1});
  CHECK(to_host(x.ne(x)).values == std::vector<double>{1, 0});
  CHECK(to_host(x.le(x)).values == std::vector<double>{0, 1});
  CHECK(to_host(x.ge(not_a_number)).values == std::vector<double>{0, 0});
}

TEST_CASE("Comparisons give bool tensors, of bools too") {
  const ts::Tensor a = to_tensor({3}, {0, 1, 1}, ts::bool_), b = to_tensor({3}, {0, 0, 1}, ts::bool_);
  CHECK(a.eq(b).dtype() == ts::bool_);
  CHECK(to_host(a.eq(b)).values == std::vector<double>{1, 0, 1});
  CHECK(to_host(a.gt(b)).values == std::vector<double>{0, 1, 0});
}

TEST_CASE("where moves elements of every dtype") {
  const ts::Tensor condition = to_tensor({2, 1}, {1, 0}, ts::bool_);
  for (const ts::DType dtype : number_dtypes) {
    INFO(ts::name_of(dtype));
    CHECK(to_host(ts::where(condition, to_tensor({2}, {1, 2}, dtype), to_tensor({2}, {3, 4}, dtype))).values == std::vector<double>{1, 2, 3, 4});
  }
}
