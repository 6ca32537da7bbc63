#include "tasuki/ops/aggregate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"
#include "tests/support/reduced.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

using Values = std::vector<double>;

double product(const Values& v) {
  double y = 1;
  for (const double x : v) y *= x;
  return y;
}
double deviation(const Values& v) {
  double mean = 0, squares = 0;
  for (const double x : v) mean += x / static_cast<double>(v.size());
  for (const double x : v) squares += (x - mean) * (x - mean);
  return std::sqrt(squares / (static_cast<double>(v.size()) - 1));
}
auto norm_of(double p) {
  return [=](const Values& v) {
    double y = 0;
    for (const double x : v) {
      const double a = std::abs(x);
      if (std::isnan(a)) return a;
      y = p == infinity ? std::max(y, a) : y + (p == 0 ? a != 0 : std::pow(a, p));
    }
    return p == infinity || p == 0 ? y : std::pow(y, 1 / p);
  };
}
double log_sum_exp(const Values& v) {
  double largest = -infinity, y = 0;
  for (const double x : v) largest = std::isnan(x) || x > largest ? x : largest;
  if (!(std::abs(largest) < infinity)) return largest;
  for (const double x : v) y += std::exp(x - largest);
  return largest + std::log(y);
}
double nonzeros(const Values& v) { return static_cast<double>(std::count_if(v.begin(), v.end(), [](double x) { return x != 0; })); }
double any_nonzero(const Values& v) { return nonzeros(v) > 0; }
double all_nonzero(const Values& v) { return nonzeros(v) == static_cast<double>(v.size()); }

OpCase norm_case(double p, const std::string& variant, std::vector<std::vector<Shape>> more, unsigned flags = special_values) {
  return {.op = "norm",
          .variant = variant,
          .inputs = {real_avoiding({3, 5}, {0})},
          .forward = [=](const Inputs& in) { return ts::norm(in[0], p, {-1}); },
          .reference = reduced(0b10, false, norm_of(p)),
          .flags = flags,
          .more_shapes = std::move(more),
          .slack = 4};
}

}  // namespace

OP_CASES(aggregate) {
  return {
      {.op = "prod",
       .variant = "all",
       .inputs = {real({3, 4}, 0.5, 1.5)},
       .forward = [](const Inputs& in) { return ts::prod(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({}, product(in[0].values)); },
       .flags = special_values,
       .more_shapes = {{{}}, {{0}}, {{2, 0, 3}}, {{1, 1}}, {{2, 3, 5}}}},
      {.op = "prod",
       .variant = "the last dim",
       .inputs = {real({3, 4}, 0.5, 1.5)},
       .forward = [](const Inputs& in) { return ts::prod(in[0], -1); },
       .reference = reduced(0b10, false, product),
       .flags = special_values,
       .more_shapes = {{{5, 9}}, {{0, 3}}, {{3, 0}}}},
      {.op = "prod",
       .variant = "the first dim",
       .inputs = {real({3, 4}, 0.5, 1.5)},
       .forward = [](const Inputs& in) { return ts::prod(in[0], 0, true); },
       .reference = reduced(0b01, true, product),
       .flags = special_values,
       .more_shapes = {{{4, 70}}, {{0, 3}}, {{3, 0}}}},
      {.op = "prod",
       .variant = "two dims",
       .inputs = {real({2, 3, 2}, 0.5, 1.5)},
       .forward = [](const Inputs& in) { return ts::prod(in[0], {0, 2}, true); },
       .reference = reduced(0b101, true, product)},
      {.op = "std",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::std(in[0], 1); },
       .reference = reduced(0b10, false, deviation),
       .flags = no_nan | no_expand,
       .slack = 8},
      norm_case(2, "Euclidean", {{{}}, {{4, 70}}, {{3, 0}}, {{0, 3}}}),
      norm_case(1, "of magnitudes", {{{4, 7}}, {{3, 0}}}),
      norm_case(3, "cubic", {{{3, 0}}}),
      norm_case(0.5, "of roots", {}),
      norm_case(infinity, "the largest magnitude", {{{3, 0}}}, special_values | no_expand),
      {.op = "norm",
       .variant = "how many are not zero",
       .inputs = {{.shape = {4, 3}, .lo = 0, .hi = 1, .fill = Fill::integers}},
       .forward = [](const Inputs& in) { return ts::norm(in[0], 0); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({}, nonzeros(in[0].values)); },
       .flags = no_gradient | no_nan},
      {.op = "logsumexp",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::logsumexp(in[0], 1); },
       .reference = reduced(0b10, false, log_sum_exp),
       .flags = special_values,
       .more_shapes = {{{4, 70}}, {{3, 0}}, {{0, 3}}}},
      {.op = "logsumexp",
       .variant = "two dims",
       .inputs = {real({2, 3, 4}, -9, 9)},
       .forward = [](const Inputs& in) { return ts::logsumexp(in[0], {0, 2}, true); },
       .reference = reduced(0b101, true, log_sum_exp)},
      {.op = "count_nonzero",
       .inputs = {{.shape = {4, 5}, .lo = 0, .hi = 1, .fill = Fill::integers}},
       .forward = [](const Inputs& in) { return ts::count_nonzero(in[0], 1); },
       .reference = reduced(0b10, false, nonzeros),
       .dtypes = {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_},
       .flags = no_gradient | special_values | no_nan,
       .more_shapes = {{{0, 2}}, {{2, 0}}}},
      {.op = "any",
       .inputs = {{.shape = {6, 2}, .lo = 0, .hi = 1, .fill = Fill::integers}},
       .forward = [](const Inputs& in) { return ts::any(in[0], 1, true); },
       .reference = reduced(0b10, true, any_nonzero),
       .dtypes = {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_},
       .flags = no_gradient | special_values | no_nan,
       .more_shapes = {{{0, 2}}, {{2, 0}}}},
      {.op = "all",
       .inputs = {{.shape = {6, 2}, .lo = 0, .hi = 1, .fill = Fill::integers}},
       .forward = [](const Inputs& in) { return ts::all(in[0], 1); },
       .reference = reduced(0b10, false, all_nonzero),
       .dtypes = {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_},
       .flags = no_gradient | special_values | no_nan,
       .more_shapes = {{{0, 2}}, {{2, 0}}}},
  };
}

TEST_CASE("The product of whole numbers is an exact i64") {
  CHECK(ts::prod(to_tensor({3}, {200, 200, 200}, ts::u8)).item<std::int64_t>() == 8'000'000);
  CHECK(ts::prod(to_tensor({2, 2}, {70000, 3, -70000, 5}, ts::i32), 0).to_vector<std::int64_t>() == std::vector<std::int64_t>{-4'900'000'000, 15});
}

TEST_CASE("The gradient of a product is exact around zeros, to any order") {
  for (const auto& values : {std::initializer_list<double>{2, 3, 5}, {2, 0, 5}, {0, 0, 5}, {0, 0, 0}}) {
    const std::vector<double> v(values);
    const double a = v[0], b = v[1], c = v[2];
    const ts::Tensor plain = to_tensor({3}, values, ts::f64).requires_grad_(), x = to_tensor({3}, values, ts::f64).requires_grad_();
    ts::prod(plain).backward();
    CHECK(plain.grad().to_vector<double>() == std::vector<double>{b * c, a * c, a * b});
    const ts::Tensor g = ts::grad({ts::prod(x)}, {x}, {.create_graph = true})[0];
    CHECK(g.to_vector<double>() == plain.grad().to_vector<double>());
    g.sum().backward();
    CHECK(x.grad().to_vector<double>() == std::vector<double>{b + c, a + c, a + b});
  }
}

TEST_CASE("The gradient of a long product has the same bits for any number of threads") {
  const int threads = ts::num_threads();
  const auto gradient = [](int count) {
    ts::set_num_threads(count);
    HostArray values(Shape{3, 60'000});
    for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = 1 + 1e-5 * static_cast<double>(i % 7 - 3);
    values[60'123] = 0;  // in the second row alone
    const ts::Tensor x = to_tensor(values, ts::f32).requires_grad_();
    ts::prod(x, 1).sum().backward();
    CHECK(x.grad().to_vector<float>()[60'123] != 0);
    CHECK(x.grad().to_vector<float>()[60'124] == 0);
    return bytes_of(x.grad());
  };
  CHECK(gradient(1) == gradient(3));
  ts::set_num_threads(threads);
}

TEST_CASE("Where a norm or a deviation is zero, so is its gradient") {
  for (const auto& f : {+[](const ts::Tensor& x) { return ts::norm(x); }, +[](const ts::Tensor& x) { return ts::norm(x, 3); },
                        +[](const ts::Tensor& x) { return ts::norm(x, 0.5); }, +[](const ts::Tensor& x) { return ts::std(x); }}) {
    const ts::Tensor x = to_tensor({3}, {0, 0, 0}, ts::f64).requires_grad_();
    f(x).backward();
    CHECK(x.grad().to_vector<double>() == std::vector<double>{0, 0, 0});
  }
}

TEST_CASE("A norm of halves whose squares overflow is finite") {
  CHECK(to_host(ts::norm(to_tensor({2}, {3000, 4000}, ts::f16)))[0] == 5000);
}

TEST_CASE("logsumexp stays finite where the exponentials do not") {
  CHECK(ts::logsumexp(to_tensor({2}, {1000, 1000}, ts::f64), 0).item<double>() == Approx(1000 + std::log(2)));
  CHECK(ts::logsumexp(to_tensor({2}, {-infinity, -infinity}, ts::f64), 0).item<double>() == -infinity);
  CHECK(ts::logsumexp(to_tensor({2}, {infinity, 1}, ts::f64), 0).item<double>() == infinity);
}

TEST_CASE("Misuse of further reductions is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_error([&] { ts::prod(x, 2); },
               "IndexError: prod\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::norm(x, 2, {0, -2}); }, "IndexError: norm\n  expected  each dimension once\n  actual    dims = [0, -2]\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::norm(x, std::nan("")); }, "ValueError: norm\n  expected  p that is a number\n  actual    nan\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::norm(x.slice(0, 0, 0), -1); },
               "ShapeError: norm\n  expected  at least one element along the reduced dimensions where p < 0\n  actual    shape [0, 3]\n  x: f32[0, 3] cpu\n  called at <here>");
  for (const auto& [name, f] : {std::pair{"std", +[](const ts::Tensor& t) { return ts::std(t); }}, {"norm", +[](const ts::Tensor& t) { return ts::norm(t); }},
                                {"logsumexp", +[](const ts::Tensor& t) { return ts::logsumexp(t, 0); }}})
    expect_error([&, f = f] { f(x.to(ts::i32)); },
                 "DTypeError: " + std::string(name) + "\n  expected  x of a floating dtype\n  actual    i32\n  x: i32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::any(x, 5); },
               "IndexError: any\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 5\n  x: f32[2, 3] cpu\n  called at <here>");
}

TEST_CASE("The norm of order 0 counts, and its gradient is zero") {
  const ts::Tensor x = to_tensor({4}, {0, -2, std::nan(""), 3}).requires_grad_();
  const ts::Tensor y = ts::norm(x, 0);
  CHECK(to_host(y).values == std::vector<double>{3});
  y.backward();
  CHECK(to_host(x.grad()).values == std::vector<double>{0, 0, 0, 0});
}
