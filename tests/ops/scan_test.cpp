#include "tasuki/ops/scan.hpp"

#include <cmath>

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

}  // namespace

OP_CASES(scan) {
  return {
      sum_along(0, "the first dim", {5, 3}, {{{}}, {{0}}, {{1}}, {{9, 70}}, {{0, 3}}, {{3, 0}}}),
      sum_along(1, "the last dim", {3, 7}, {{{9, 33}}, {{3, 0}}, {{0, 3}}}),
      sum_along(1, "a middle dim", {2, 4, 3}),
      product_along(0, "the first dim", {5, 3}, {{{}}, {{0}}, {{1}}, {{4, 70}}, {{0, 3}}, {{3, 0}}}),
      product_along(1, "the last dim", {3, 4}, {{{9, 6}}, {{3, 0}}, {{0, 3}}}),
      product_along(1, "a middle dim", {2, 4, 3}),
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

TEST_CASE("Misuse of scans is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_error([&] { ts::cumsum(x, 2); },
               "IndexError: cumsum\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::cumprod(x, -3); },
               "IndexError: cumprod\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = -3\n  x: f32[2, 3] cpu\n  called at <here>");
}
