#include "tasuki/ops/scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// y_i = f(y_(i-1), x_i) along a dimension of size `shape[dim]`, whose neighbours lie `step` apart.
template <class F>
auto scanned(int dim, double start, F f) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray y = in[0];
    std::int64_t step = 1;
    for (int d = dim + 1; d < y.shape.ndim(); ++d) step *= y.shape[d];
    const std::int64_t n = y.shape.ndim() ? y.shape[dim] : 1;
    for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = f(i / step % n == 0 ? start : y[i - step], y[i]);
    return y;
  };
}
double plus(double a, double b) { return a + b; }
double times(double a, double b) { return a * b; }

OpCase sum_along(int dim, const std::string& variant, const Shape& shape, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "cumsum",
          .variant = variant,
          .inputs = {real(shape)},
          .forward = [=](const Inputs& in) { return ts::cumsum(in[0], dim); },
          .reference = scanned(dim, 0, plus),
          .flags = special_values,
          .more_shapes = std::move(more)};
}
OpCase product_along(int dim, const std::string& variant, const Shape& shape, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "cumprod",
          .variant = variant,
          .inputs = {real(shape, 0.5, 1.6)},
          .forward = [=](const Inputs& in) { return ts::cumprod(in[0], dim); },
          .reference = scanned(dim, 1, times),
          .flags = special_values,
          .more_shapes = std::move(more),
          .slack = 2};
}

double log_add(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return a + b;
  const double most = std::max(a, b);
  return std::isinf(most) ? most : most + std::log1p(std::exp(std::min(a, b) - most));
}
OpCase log_sum_along(int dim, const std::string& variant, const Shape& shape, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "logcumsumexp",
          .variant = variant,
          .inputs = {real(shape)},
          .forward = [=](const Inputs& in) { return ts::logcumsumexp(in[0], dim); },
          .reference = scanned(dim, -std::numeric_limits<double>::infinity(), log_add),
          .flags = special_values,
          .more_shapes = std::move(more),
          .slack = 2};
}
/// The best of the elements up to each, and where it is: of equal ones the last.
OpCase best_along(bool largest, int dim, const Shape& shape, std::vector<std::vector<Shape>> more = {}) {
  return {.op = largest ? "cummax" : "cummin",
          .variant = "dim " + std::to_string(dim),
          .inputs = {distinct(shape)},
          .forward = [=](const Inputs& in) -> Outputs {
            const auto [values, indices] = largest ? ts::cummax(in[0], dim) : ts::cummin(in[0], dim);
            return std::vector<ts::Tensor>{values, indices};
          },
          .reference = [=](const HostArrays& in) -> HostArrays {
            const HostArray& x = in[0];
            std::vector<HostArray> y{HostArray(x.shape), HostArray(x.shape)};
            std::int64_t step = 1;
            for (int d = dim + 1; d < x.shape.ndim(); ++d) step *= x.shape[d];
            const std::int64_t n = x.shape.ndim() ? x.shape[dim] : 1;
            for (std::int64_t i = 0; i < x.numel(); ++i) {
              const std::int64_t place = i / step % n;
              const double before = place ? y[0][i - step] : x[i];
              const bool better = place == 0 || std::isnan(x[i]) || (!std::isnan(before) && (largest ? x[i] >= before : x[i] <= before));
              y[0][i] = better ? x[i] : before;
              y[1][i] = better ? static_cast<double>(place) : y[1][i - step];
            }
            return y;
          },
          .flags = special_values | no_expand,
          .more_shapes = std::move(more)};
}

}  // namespace

OP_CASES(scan) {
  return {
      sum_along(0, "the first dim", {5, 3}, {{{}}, {{0}}, {{1}}, {{9, 70}}, {{0, 3}}, {{3, 0}}}),
      sum_along(1, "the last dim", {3, 7}, {{{9, 33}}, {{3, 0}}, {{0, 3}}}),
      sum_along(1, "a middle dim", {2, 4, 3}),
      product_along(0, "the first dim", {5, 3}, {{{}}, {{0}}, {{1}}, {{4, 70}}, {{0, 3}}, {{3, 0}}}),
      product_along(1, "the last dim", {3, 4}, {{{9, 6}}, {{3, 0}}, {{0, 3}}}),
      product_along(1, "a middle dim", {2, 4, 3}),
      log_sum_along(0, "the first dim", {5, 3}, {{{}}, {{0}}, {{1}}, {{9, 70}}, {{0, 3}}, {{3, 0}}}),
      log_sum_along(1, "the last dim", {3, 7}, {{{9, 33}}, {{3, 0}}}),
      best_along(true, 0, {5, 3}, {{{}}, {{0}}, {{9, 12}}, {{0, 3}}}),
      best_along(false, 1, {3, 7}, {{{4, 33}}, {{3, 0}}}),
  };
}

TEST_CASE("Running sums and products of whole numbers are exact i64s") {
  CHECK(ts::cumsum(to_tensor({3}, {255, 255, 3}, ts::u8), 0).to_vector<std::int64_t>() == std::vector<std::int64_t>{255, 510, 513});
  CHECK(ts::cumsum(to_tensor({3}, {1, 0, 1}, ts::bool_), -1).to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 1, 2});
  CHECK(ts::cumprod(to_tensor({3}, {70000, -70000, 3}, ts::i32), 0).to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{70000, -4'900'000'000, -14'700'000'000});
}

TEST_CASE("A running sum of halves is rounded once for each element") {
  const ts::Tensor y = ts::cumsum(to_tensor(HostArray(Shape{1000}, 1), ts::bf16), 0);
  CHECK(to_host(y)[999] == 1000);  // sums that are rounded on the way stop at 256
}

TEST_CASE("The gradients of cumprod are exact around zeros, to any order") {
  // y = (a, ab, abc, abcd): d(sum)/da = 1 + b + bc + bcd, and so on, whatever is zero.
  for (const auto& values : {std::initializer_list<double>{2, 0, 3, 5}, {0, 0, 3, 5}, {2, 3, 5, 0}}) {
    const ts::Tensor x = to_tensor({4}, values, ts::f64).requires_grad_();
    const std::vector<double> v(values);
    const double a = v[0], b = v[1], c = v[2], d = v[3];
    const ts::Tensor g = ts::grad({ts::cumprod(x, 0).sum()}, {x}, {.create_graph = true})[0];
    CHECK(g.to_vector<double>() == std::vector<double>{1 + b + b * c + b * c * d, a + a * c + a * c * d, a * b + a * b * d, a * b * c});
    g.sum().backward();
    CHECK(x.grad().to_vector<double>() == std::vector<double>{1 + c + c * d + b + b * d + b * c, 1 + c + c * d + a + a * d + a * c,
                                                              b + b * d + a + a * d + a * b, b * c + a * c + a * b});
  }
}

TEST_CASE("Scans of halves along columns have the bits of those along rows, forward and backward") {
  HostArray values(Shape{9, 70});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = 1 + 0.2 * std::sin(static_cast<double>(i) * 0.7);
  for (const ts::DType dtype : {ts::bf16, ts::f16}) {
    const ts::Tensor x = to_tensor(values, dtype), rows = x.t().contiguous();
    CHECK(bytes_of(ts::cumsum(x, 0)) == bytes_of(ts::cumsum(rows, 1).t()));
    CHECK(bytes_of(ts::cumprod(x, 0)) == bytes_of(ts::cumprod(rows, 1).t()));
    const auto gradient = [](const ts::Tensor& at, int dim, const ts::Tensor& weight) {
      const ts::Tensor y = at.clone().requires_grad_();
      (ts::cumsum(y, dim) * weight).sum().backward();
      return y.grad();
    };
    CHECK(bytes_of(gradient(x, 0, x)) == bytes_of(gradient(rows, 1, rows).t()));
  }
}

TEST_CASE("logcumsumexp does not overflow, and gradients pass where nothing precedes") {
  const ts::Tensor x = to_tensor({4}, {-infinity, -infinity, 1000, 1000}, ts::f64).requires_grad_(), y = ts::logcumsumexp(x, 0);
  CHECK(to_host(y).values == std::vector<double>{-infinity, -infinity, 1000, 1000 + std::log(2.0)});
  y.slice(0, 2, 4).sum().backward();
  CHECK(difference(to_host(x.grad()), HostArray({4}, {0, 0, 1.5, 0.5}), {1e-12, 1e-12}) == "");
}

TEST_CASE("Of equal elements the last one is the running extremum; whole numbers too") {
  const ts::Tensor x = to_tensor({5}, {1, 3, 3, 2, 3}, ts::i64);
  CHECK(to_host(ts::cummax(x, 0).indices).values == std::vector<double>{0, 1, 2, 2, 4});
  CHECK(to_host(ts::cummin(x, 0).values).values == std::vector<double>{1, 1, 1, 1, 1});
}

TEST_CASE("Misuse of scans is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::string out_of_range = "\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x: f32[2, 3] cpu\n  called at <here>";
  expect_error([&] { ts::cummax(x, 2); }, "IndexError: cummax" + out_of_range);
  expect_error([&] { ts::cummin(x, 2); }, "IndexError: cummin" + out_of_range);
  expect_error([&] { ts::logcumsumexp(x, 2); }, "IndexError: logcumsumexp" + out_of_range);
  expect_error([&] { ts::logcumsumexp(x.to(ts::i64), 0); },
               "DTypeError: logcumsumexp\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::cumsum(x, 2); },
               "IndexError: cumsum\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::cumprod(x, -3); },
               "IndexError: cumprod\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = -3\n  x: f32[2, 3] cpu\n  called at <here>");
}
