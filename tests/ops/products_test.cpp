#include "tasuki/ops/products.hpp"

#include <cmath>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// [m, k] x [k, n], batch by batch.
HostArray product(const HostArray& a, const HostArray& b) {
  const std::int64_t k = a.shape.back(), n = b.shape.back(), m = a.shape[a.shape.ndim() - 2], batches = a.shape.ndim() == 3 ? a.shape[0] : 1;
  HostArray y(a.shape.ndim() == 3 ? Shape{batches, m, n} : Shape{m, n});
  for (std::int64_t i = 0; i < y.numel(); ++i)
    for (std::int64_t j = 0; j < k; ++j) y[i] += a[i / n * k + j] * b[i / (m * n) * k * n + j * n + i % n];
  return y;
}

/// scale times the product, plus weight times x, broadcast.
auto combined(double weight, double scale) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray y = product(in[1], in[2]);
    for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = scale * y[i] + weight * in[0].broadcast(y.shape, i);
    return y;
  };
}

auto distances(double p) {
  return [=](const HostArrays& in) -> HostArrays {
    const std::int64_t m = in[0].shape[0], n = in[1].shape[0], d = in[0].shape[1];
    HostArray y(Shape{m, n});
    for (std::int64_t i = 0; i < m * n; ++i) {
      for (std::int64_t k = 0; k < d; ++k) y[i] += std::pow(std::abs(in[0][i / n * d + k] - in[1][i % n * d + k]), p);
      y[i] = std::pow(y[i], 1 / p);
    }
    return y;
  };
}

OpCase cdist_case(const char* variant, double p, const Shape& a, const Shape& b, double slack) {
  return {.op = "cdist", .variant = variant, .inputs = {real(a, -2, -0.1), real(b, 0.1, 2)}, .forward = [=](const Inputs& in) { return ts::cdist(in[0], in[1], p); },
          .reference = distances(p), .slack = slack};
}

}  // namespace

OP_CASES(products) {
  return {
      {.op = "mm", .inputs = {real({2, 3}), real({3, 4})}, .forward = [](const Inputs& in) { return ts::mm(in[0], in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays { return product(in[0], in[1]); }, .more_shapes = {{{0, 3}, {3, 2}}, {{2, 0}, {0, 3}}, {{5, 1}, {1, 7}}}, .slack = 2},
      {.op = "mv", .inputs = {real({2, 3}), real({3})}, .forward = [](const Inputs& in) { return ts::mv(in[0], in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y = product(in[0], HostArray({3, 1}, in[1].values));
         y.shape = {2};
         return y;
       },
       .slack = 2},
      {.op = "dot", .inputs = {real({5}), real({5})}, .forward = [](const Inputs& in) { return ts::dot(in[0], in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         double sum = 0;
         for (std::int64_t i = 0; i < in[0].numel(); ++i) sum += in[0][i] * in[1][i];
         return HostArray({}, sum);
       },
       .more_shapes = {{{0}, {0}}, {{1}, {1}}}, .slack = 2},
      {.op = "addmm", .inputs = {real({4}), real({2, 3}), real({3, 4})}, .forward = [](const Inputs& in) { return ts::addmm(in[0], in[1], in[2]); },
       .reference = combined(1, 1), .slack = 4},
      {.op = "addmm", .variant = "weighted", .inputs = {real({2, 4}), real({2, 3}), real({3, 4})},
       .forward = [](const Inputs& in) { return ts::addmm(in[0], in[1], in[2], {.beta = 0.5, .alpha = -2}); }, .reference = combined(0.5, -2), .slack = 8},
      {.op = "baddbmm", .inputs = {real({1, 2, 4}), real({3, 2, 3}), real({3, 3, 4})},
       .forward = [](const Inputs& in) { return ts::baddbmm(in[0], in[1], in[2], {.beta = 0.5}); }, .reference = combined(0.5, 1), .slack = 4},
      {.op = "tensordot", .variant = "pairs of dims", .inputs = {real({2, 3, 4}), real({4, 2, 5})},
       .forward = [](const Inputs& in) { return ts::tensordot(in[0], in[1], {0, 2}, {1, 0}); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{3, 5});
         for (std::int64_t i = 0; i < 3; ++i)
           for (std::int64_t j = 0; j < 5; ++j)
             for (std::int64_t s = 0; s < 2; ++s)
               for (std::int64_t t = 0; t < 4; ++t) y.at({i, j}) += in[0].at({s, i, t}) * in[1].at({t, s, j});
         return y;
       },
       .slack = 4},
      {.op = "tensordot", .variant = "of the last dim and the first", .inputs = {real({2, 3}), real({3, 4})},
       .forward = [](const Inputs& in) { return ts::tensordot(in[0], in[1], 1); }, .reference = [](const HostArrays& in) -> HostArrays { return product(in[0], in[1]); }, .slack = 2},
      {.op = "bilinear", .inputs = {real({2, 3}), real({2, 4}), real({5, 3, 4}), real({5})},
       .forward = [](const Inputs& in) { return ts::bilinear(in[0], in[1], in[2], in[3]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         const std::int64_t rows = in[0].numel() / 3;
         Shape shape = in[0].shape;
         shape[shape.ndim() - 1] = 5;
         HostArray y(shape);
         for (std::int64_t i = 0; i < rows * 5; ++i) {
           y[i] = in[3][i % 5];
           for (std::int64_t m = 0; m < 3; ++m)
             for (std::int64_t n = 0; n < 4; ++n) y[i] += in[0][i / 5 * 3 + m] * in[2].at({i % 5, m, n}) * in[1][i / 5 * 4 + n];
         }
         return y;
       },
       .more_shapes = {{{3}, {4}, {5, 3, 4}, {5}}, {{2, 2, 3}, {2, 2, 4}, {5, 3, 4}, {5}}, {{0, 3}, {0, 4}, {5, 3, 4}, {5}}}, .slack = 8},
      {.op = "cross", .inputs = {real({3, 2}), real({3, 1})}, .forward = [](const Inputs& in) { return ts::cross(in[0], in[1], 0); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{3, 2});
         for (std::int64_t i = 0; i < 6; ++i) {
           const std::int64_t j = (i / 2 + 1) % 3, k = (i / 2 + 2) % 3;
           y[i] = in[0].at({j, i % 2}) * in[1][k] - in[0].at({k, i % 2}) * in[1][j];
         }
         return y;
       },
       .slack = 4},
      cdist_case("of a few rows", 2, {3, 4}, {2, 4}, 4),
      cdist_case("by magnitude", 1, {3, 4}, {2, 4}, 4),
      cdist_case("of many rows", 2, {2, 3}, {27, 3}, 8),
  };
}

TEST_CASE("Equal rows are at distance 0, where the gradient is 0, however many there are") {
  for (const std::int64_t rows : {3, 30}) {
    const ts::Tensor x = to_tensor(HostArray(Shape{rows, 2}, 0.5), ts::f64).requires_grad_();
    const ts::Tensor d = ts::cdist(x, x);
    CHECK(to_host(d).values == std::vector<double>(static_cast<std::size_t>(rows * rows), 0));
    d.sum().backward();
    CHECK(to_host(x.grad()).values == std::vector<double>(static_cast<std::size_t>(rows * 2), 0));
  }
}

TEST_CASE("With beta = 0 addmm does not look at x") {
  const ts::Tensor x = to_tensor({1}, {std::nan("")}), a = to_tensor({1, 1}, {3});
  CHECK(ts::addmm(x, a, a, {.beta = 0}).item<float>() == 9);
}

TEST_CASE("Misuse of products is explained") {
  const ts::Tensor a = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), v = to_tensor({2}, {1, 2});
  const std::string two = "\n  a: f32[2, 3] cpu   b: f32[2, 3] cpu\n  called at <here>", vector = "\n  a: f32[2, 3] cpu   b: f32[2] cpu\n  called at <here>";
  expect_error([&] { ts::mm(a, v); }, "ShapeError: mm\n  expected  b of 2 dimensions\n  actual    shape [2]" + vector);
  expect_error([&] { ts::mv(a, a); }, "ShapeError: mv\n  expected  b of 1 dimension\n  actual    shape [2, 3]" + two);
  expect_error([&] { ts::dot(a, v); }, "ShapeError: dot\n  expected  a of 1 dimension\n  actual    shape [2, 3]" + vector);
  expect_error([&] { ts::addmm(a.reshape({3, 1, 2}), a, a.t()); },
               "ShapeError: addmm\n  expected  x that broadcasts to [2, 2]\n  actual    [3, 1, 2]\n  x: f32[3, 1, 2] cpu   a: f32[2, 3] cpu   b: f32[3, 2] cpu\n  called at <here>");
  expect_error([&] { ts::baddbmm(a, a, a); }, "ShapeError: baddbmm\n  expected  a of 3 dimensions\n  actual    shape [2, 3]\n  x: f32[2, 3] cpu   a: f32[2, 3] cpu   b: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::tensordot(a, a, {0}, {1}); }, "ShapeError: tensordot\n  expected  a.size(0) == b.size(1)\n  actual    2 != 3" + two);
  const ts::Tensor forms = to_tensor(HostArray(Shape{4, 3, 2}), ts::f32);
  expect_error([&] { ts::bilinear(a, a, forms); },
               "ShapeError: bilinear\n  expected  b.size(-1) == weight.size(2)\n  actual    3 != 2\n  a: f32[2, 3] cpu   b: f32[2, 3] cpu   weight: f32[4, 3, 2] cpu\n  called at <here>");
  expect_error([&] { ts::bilinear(a, a.t(), forms); },
               "ShapeError: bilinear\n  expected  as many rows of a and of b\n  actual    [2] and [3]\n  a: f32[2, 3] cpu   b: f32[3, 2] cpu   weight: f32[4, 3, 2] cpu\n  called at <here>");
  expect_error([&] { ts::cross(a, a, 0); }, "ShapeError: cross\n  expected  vectors of 3 elements along dimension 0\n  actual    2" + two);
  expect_error([&] { ts::cdist(a, v); }, "ShapeError: cdist\n  expected  b.ndim() >= 2\n  actual    1 < 2" + vector);
  expect_error([&] { ts::cdist(a, a, -1); }, "ValueError: cdist\n  expected  p >= 0\n  actual    -1" + two);
}
