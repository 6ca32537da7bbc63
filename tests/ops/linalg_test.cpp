#include "tasuki/ops/linalg.hpp"

#include <cmath>

#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/random.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// Gauss and Jordan: the determinant of the matrix at `a`, which becomes its inverse.
double invert(double* a, std::int64_t n) {
  double determinant = 1;
  std::vector<double> rest(a, a + n * n), inverse(static_cast<std::size_t>(n * n));
  for (std::int64_t i = 0; i < n; ++i) inverse[static_cast<std::size_t>(i * n + i)] = 1;
  const auto at = [n](std::vector<double>& m, std::int64_t i, std::int64_t j) -> double& { return m[static_cast<std::size_t>(i * n + j)]; };
  for (std::int64_t p = 0; p < n; ++p) {  // the cases are dominated by their diagonals: no pivoting
    determinant *= at(rest, p, p);
    const double pivot = 1 / at(rest, p, p);
    for (std::int64_t j = 0; j < n; ++j) {
      at(rest, p, j) *= pivot;
      at(inverse, p, j) *= pivot;
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const double factor = at(rest, i, p);
      if (i == p) continue;
      for (std::int64_t j = 0; j < n; ++j) {
        at(rest, i, j) -= factor * at(rest, p, j);
        at(inverse, i, j) -= factor * at(inverse, p, j);
      }
    }
  }
  std::copy(inverse.begin(), inverse.end(), a);
  return determinant;
}

/// x with 4 added on the diagonals, so that it is far from singular. What is added stays alive, as a replay needs it.
ts::Tensor dominated(const ts::Tensor& x) {
  static auto& kept = *new std::vector<ts::Tensor>;
  kept.push_back(ts::eye(x.size(-1), {}, {.dtype = x.dtype(), .device = x.device()}) * 4);
  return x + kept.back();
}
HostArray dominated(HostArray x) {
  const std::int64_t n = x.shape.back();
  for (std::int64_t i = 0; i < x.numel(); ++i)
    if (i / n % n == i % n) x[i] += 4;
  return x;
}

HostArrays inverses(const HostArrays& in) {
  HostArray y = dominated(in[0]);
  const std::int64_t n = y.shape.back();
  for (std::int64_t i = 0; i < y.numel(); i += n * n) invert(y.values.data() + i, n);
  return y;
}

const std::vector<ts::DType> wide{ts::f32, ts::f64};

/// |a - b| over all elements.
double distance(const ts::Tensor& a, const ts::Tensor& b) { return (a - b).abs().sum().to(ts::f64).item<double>(); }

}  // namespace

OP_CASES(linalg) {
  return {
      {.op = "inverse",
       .inputs = {real({2, 3, 3}, -1, 1)},
       .forward = [](const Inputs& in) { return ts::inverse(dominated(in[0])); },
       .reference = inverses,
       .dtypes = wide,
       .more_shapes = {{{1, 1}}, {{5, 5}}, {{0, 2, 2}}},
       .slack = 4},
      {.op = "det",
       .inputs = {real({2, 3, 3}, -1, 1)},
       .forward = [](const Inputs& in) { return ts::det(dominated(in[0])); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray a = dominated(in[0]), y(Shape(a.shape.data(), a.shape.size() - 2));
         const std::int64_t n = a.shape.back();
         for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = invert(a.values.data() + i * n * n, n);
         return y;
       },
       .dtypes = wide,
       .more_shapes = {{{1, 1}}, {{4, 4}}, {{0, 2, 2}}},
       .slack = 16},
      {.op = "solve",
       .inputs = {real({2, 3, 3}, -1, 1), real({2, 3, 2})},
       .forward = [](const Inputs& in) { return ts::solve(dominated(in[0]), in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         const HostArray inverse = inverses(in)[0];
         HostArray x(in[1].shape);
         const std::int64_t n = inverse.shape.back(), k = x.shape.back();
         for (std::int64_t i = 0; i < x.numel(); ++i)
           for (std::int64_t j = 0; j < n; ++j) x[i] += inverse[i / (n * k) * n * n + i / k % n * n + j] * in[1][i / (n * k) * n * k + j * k + i % k];
         return x;
       },
       .dtypes = wide,
       .more_shapes = {{{4, 4}, {4, 1}}, {{0, 2, 2}, {0, 2, 3}}},
       .slack = 4},
      {.op = "cholesky",
       .inputs = {real({2, 3, 3}, -1, 1)},
       .forward =
           [](const Inputs& in) {
             const ts::Tensor a = dominated(in[0]);
             return ts::cholesky(a.matmul(a.transpose(-2, -1)));
           },
       .dtypes = wide,
       .more_shapes = {{{1, 1}}, {{4, 4}}, {{0, 2, 2}}},
       .slack = 8},
      {.op = "lu",
       .inputs = {real({2, 4, 3})},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [p, l, u] = ts::lu(in[0]);
         return std::vector<ts::Tensor>{l, u, p};
       },
       .dtypes = wide,
       .flags = no_nan | no_expand,
       .more_shapes = {{{3, 5}}, {{1, 1}}, {{0, 2, 2}}, {{3, 3}}, {{2, 1, 3}}, {{3, 1}}},
       .slack = 64},
      {.op = "lu_factor",
       .inputs = {real({2, 3, 3})},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [lu, pivots] = ts::lu_factor(in[0]);
         return std::vector<ts::Tensor>{lu, pivots};
       },
       .dtypes = wide,
       .flags = no_nan | no_expand,
       .more_shapes = {{{3, 5}}, {{4, 2}}},
       .slack = 64},
      {.op = "qr",
       .inputs = {real({2, 4, 3})},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [q, r] = ts::qr(in[0]);
         return std::vector<ts::Tensor>{q, r};
       },
       .dtypes = wide,
       .flags = no_expand,
       .more_shapes = {{{3, 5}}, {{1, 1}}, {{0, 2, 2}}, {{3, 3}}},
       .slack = 64},
      {.op = "svd",
       .variant = "singular values",
       .inputs = {real({2, 4, 3})},
       .forward = [](const Inputs& in) { return ts::svd(in[0]).s; },
       .dtypes = wide,
       .flags = no_nan | no_expand,
       .more_shapes = {{{3, 5}}, {{1, 1}}, {{0, 2, 2}}},
       .slack = 64},
      {.op = "svd",
       .inputs = {real({4, 3})},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [u, s, v] = ts::svd(in[0]);
         return std::vector<ts::Tensor>{u, s, v};
       },
       .dtypes = {ts::f64},
       .flags = no_nan | no_expand,
       .more_shapes = {{{3, 4}}, {{3, 3}}},
       .slack = 64},
      {.op = "eigh",
       .inputs = {real({2, 3, 3})},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [values, vectors] = ts::eigh(in[0] + in[0].transpose(-2, -1));
         return std::vector<ts::Tensor>{values, vectors};
       },
       .dtypes = wide,
       .flags = no_nan | no_expand,
       .more_shapes = {{{4, 4}}, {{1, 1}}, {{0, 2, 2}}},
       .slack = 64},
      {.op = "pinv",
       .inputs = {real({2, 4, 3})},
       .forward = [](const Inputs& in) { return ts::pinv(in[0]); },
       .dtypes = wide,
       .flags = no_nan | no_expand,
       .more_shapes = {{{3, 5}}, {{1, 1}}, {{0, 2, 2}}, {{3, 3}}},
       .slack = 256},
      {.op = "slogdet",
       .inputs = {real({2, 3, 3}, -1, 1)},
       .forward = [](const Inputs& in) { return ts::slogdet(dominated(in[0])).logabsdet; },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray a = dominated(in[0]), y(Shape(a.shape.data(), a.shape.size() - 2));
         const std::int64_t n = a.shape.back();
         for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = std::log(std::fabs(invert(a.values.data() + i * n * n, n)));
         return y;
       },
       .dtypes = wide,
       .more_shapes = {{{1, 1}}, {{4, 4}}, {{0, 2, 2}}},
       .slack = 16},
      {.op = "matrix_power",
       .variant = "to zero",
       .inputs = {real({2, 3, 3}, -1, 1)},
       .forward = [](const Inputs& in) { return ts::matrix_power(in[0], 0); },
       .dtypes = wide,
       .flags = no_nan},
      {.op = "matrix_power",
       .inputs = {real({2, 3, 3})},
       .forward = [](const Inputs& in) { return ts::matrix_power(in[0], 3); },
       .dtypes = wide,
       .more_shapes = {{{1, 1}}, {{4, 4}}, {{0, 2, 2}}},
       .slack = 16},
      {.op = "matrix_power",
       .variant = "of the inverse",
       .inputs = {real({2, 3, 3}, -1, 1)},
       .forward = [](const Inputs& in) { return ts::matrix_power(dominated(in[0]), -2); },
       .dtypes = wide,
       .slack = 16},
  };
}

TEST_CASE("Eigenvectors are orthonormal and turned by their values alone; the upper triangle is not read") {
  HostArray values({2, 5, 5});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(5 * i + 2));
  const ts::Tensor lower = ts::tril(to_tensor(values, ts::f64)), a = lower + ts::tril(lower, -1).transpose(-2, -1);
  const auto [w, v] = ts::eigh(lower);
  CHECK(distance(a.matmul(v), v * w.unsqueeze(-2)) < 1e-12);
  CHECK(distance(v.transpose(-2, -1).matmul(v), ts::eye(5, {}, {.dtype = ts::f64, .device = a.device()}).expand({2, 5, 5})) < 1e-12);
  const HostArray ascending = to_host(w);
  for (std::int64_t i = 1; i < ascending.numel(); ++i) CHECK((i % 5 == 0 || ascending[i] >= ascending[i - 1]));
}

TEST_CASE("The pseudoinverse fulfils Penrose's conditions, without full rank too") {
  const ts::Tensor a = to_tensor({3, 3}, {1, 2, 3, 2, 4, 6, 0, 1, 1}, ts::f64), p = ts::pinv(a), ap = a.matmul(p), pa = p.matmul(a);
  CHECK(distance(ap.matmul(a), a) < 1e-12);
  CHECK(distance(pa.matmul(p), p) < 1e-12);
  CHECK(distance(ap, ap.t()) < 1e-12);
  CHECK(distance(pa, pa.t()) < 1e-12);
  CHECK(to_host(ts::pinv(to_tensor({2, 2}, {4, 0, 0, 1}), 0.5)).values == std::vector<double>{0.25, 0, 0, 0});  // 1 is not above half of 4
}

TEST_CASE("Determinants beyond the range of numbers have a sign and a logarithm") {
  const auto [sign, logarithm] = ts::slogdet(to_tensor({2, 2}, {0, 1e200, 1e200, 0}, ts::f64));
  CHECK(to_host(sign)[0] == -1);
  CHECK(to_host(logarithm)[0] == Approx(400 * std::log(10)));
  const auto [none, nothing] = ts::slogdet(to_tensor({2, 2}, {1, 2, 2, 4}));
  CHECK(to_host(none)[0] == 0);
  CHECK(to_host(nothing)[0] == -INFINITY);
}

TEST_CASE("Powers of a matrix by number") {
  const ts::Tensor a = to_tensor({2, 2}, {1, 1, 0, 1});
  CHECK(to_host(ts::matrix_power(a, 0)).values == std::vector<double>{1, 0, 0, 1});
  CHECK(to_host(ts::matrix_power(a, 1)).values == std::vector<double>{1, 1, 0, 1});
  CHECK(to_host(ts::matrix_power(a, 13)).values == std::vector<double>{1, 13, 0, 1});
  CHECK(to_host(ts::matrix_power(a, -4)).values == std::vector<double>{1, -4, 0, 1});
}

TEST_CASE("The factors of a matrix multiply to it, and are what they are called") {
  for (const Shape& shape : {Shape{5, 3}, {3, 5}, {4, 4}, {2, 3, 2}}) {
    HostArray values(shape);
    for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(3 * i + 1));
    const ts::Tensor a = to_tensor(values, ts::f64);
    const std::int64_t k = std::min(a.size(-1), a.size(-2));
    const ts::Tensor one = ts::eye(k, {}, {.dtype = ts::f64, .device = a.device()});
    const auto [p, l, upper] = ts::lu(a);
    CHECK(distance(p.matmul(l).matmul(upper), a) < 1e-12);
    CHECK(distance(p.sum(-1), ts::ones_like(p.sum(-1))) == 0);
    CHECK(distance(ts::triu(l.narrow(-2, 0, k)), one.expand(l.narrow(-2, 0, k).shape())) == 0);
    CHECK(ts::amax(l.abs()).item<double>() == 1);  // as the largest element of a column is the pivot
    const auto [q, r] = ts::qr(a);
    CHECK(distance(q.matmul(r), a) < 1e-12);
    CHECK(distance(q.transpose(-2, -1).matmul(q), one.expand(q.transpose(-2, -1).matmul(q).shape())) < 1e-12);
    const auto [u, s, v] = ts::svd(a);
    CHECK(distance((u * s.unsqueeze(-2)).matmul(v.transpose(-2, -1)), a) < 1e-12);
    CHECK(distance(v.transpose(-2, -1).matmul(v), one.expand(v.transpose(-2, -1).matmul(v).shape())) < 1e-12);
    const HostArray descending = to_host(s);
    for (std::int64_t i = 1; i < descending.numel(); ++i) CHECK((i % k == 0 || descending[i] <= descending[i - 1]));
  }
}

TEST_CASE("lu_factor tells of exchanges as LAPACK, and every matrix has factors") {
  const auto [lu, pivots] = ts::lu_factor(to_tensor({3, 3}, {1, 2, 4, 2, 1, 3, 4, 2, 4}, ts::f64));
  CHECK(to_host(pivots).values == std::vector<double>{3, 3, 3});
  CHECK(pivots.dtype() == ts::i32);
  CHECK(to_host(lu).values == std::vector<double>{4, 2, 4, 0.25, 1.5, 3, 0.5, 0, 1});
  const ts::Tensor singular = to_tensor({2, 3}, {0, 0, 1, 0, 0, 2}, ts::f64);
  for (const ts::Tensor& a : {singular, singular.t()}) {
    const auto [p, l, u] = ts::lu(a);
    CHECK(distance(p.matmul(l).matmul(u), a) == 0);
  }
}

TEST_CASE("The factors of a matrix without full rank are orthonormal, too") {
  const ts::Tensor a = to_tensor({3, 3}, {1, 2, 3, 2, 4, 6, 0, 0, 0}, ts::f64);
  const auto [u, s, v] = ts::svd(a);
  CHECK(distance((u * s).matmul(v.t()), a) < 1e-12);
  CHECK(distance(u.t().matmul(u), ts::eye(3, {}, {.dtype = ts::f64, .device = a.device()})) < 1e-12);
  CHECK(to_host(s)[0] == Approx(std::sqrt(70)));
  CHECK(to_host(s)[1] == Approx(0).margin(1e-12));
}

TEST_CASE("A matrix times its inverse is the identity, whatever the size") {
  ts::manual_seed(11);
  for (const std::int64_t n : {1, 2, 7, 8, 9, 31, 33, 64, 96, 97, 130}) {
    const ts::Tensor a = ts::randn({2, n, n}, {.dtype = ts::f64}), identity = ts::eye(n, {}, {.dtype = ts::f64});
    CHECK(ts::allclose(ts::matmul(a, ts::inverse(a)), identity.expand({2, n, n}), {.rtol = 0, .atol = 1e-9}));
  }
  const ts::Tensor exchanged = ts::tensor({{0.0, 2.0}, {4.0, 0.0}});  // no pivot where it stands
  CHECK(ts::inverse(exchanged).to_vector<double>() == std::vector<double>{0, 0.25, 0.5, 0});
}

TEST_CASE("Systems of one right side, and determinants of singular matrices") {
  const ts::Tensor a = to_tensor({2, 2}, {2, 1, 4, 2.5}), b = to_tensor({2}, {4, 9});
  CHECK(to_host(ts::solve(a, b)).values == std::vector<double>{1, 2});
  CHECK(ts::det(to_tensor({2, 2}, {1, 2, 2, 4})).item<float>() == 0);
}

TEST_CASE("Systems of triangular matrices are solved as any others, with the same gradients") {
  const ts::Tensor r = to_tensor({3, 3}, {2, -1, 0.5, 0, -3, 1, 0, 0, 0.25}, ts::f64), b = to_tensor({3, 2}, {1, 2, -3, 4, 0.5, -6}, ts::f64);
  const auto solved = [](const ts::Tensor& a, const ts::Tensor& right) {  // the solution and both gradients
    const ts::Tensor x = a.clone().requires_grad_(), y = right.clone().requires_grad_(), solution = ts::solve(x, y);
    solution.square().sum().backward();
    return std::vector<ts::Tensor>{solution.detach(), x.grad(), y.grad()};
  };
  const auto upper = solved(r, b), swapped = solved(ts::flip(r, {0}), ts::flip(b, {0}));  // rows in another order are no triangle
  CHECK(distance(upper[0], swapped[0]) < 1e-12);
  CHECK(distance(upper[1], ts::flip(swapped[1], {0})) < 1e-10);
  CHECK(distance(upper[2], ts::flip(swapped[2], {0})) < 1e-10);
  const ts::Tensor lower_nan = to_tensor({2, 2}, {1, 0, std::nan(""), 1}, ts::f64);
  CHECK(std::isnan(to_host(ts::solve(lower_nan, to_tensor({2}, {1, 1}, ts::f64)))[1]));
  expect_error([&] { ts::solve(to_tensor({2, 2}, {1, 1, 0, 0}), to_tensor({2}, {1, 1})); },
               "ValueError: solve\n  expected  invertible matrices\n  actual    matrix 0 of the batch is not\n  a: f32[2, 2] cpu\n  called at <here>");
}

TEST_CASE("Misuse of linear algebra is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), singular = to_tensor({2, 2}, {1, 2, 2, 4});
  expect_error([&] { ts::det(x); }, "ShapeError: det\n  expected  square matrices\n  actual    [2, 3]\n  a: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::qr(x.select(0, 0)); }, "ShapeError: qr\n  expected  matrices, [..., rows, columns]\n  actual    [3]\n  a: f32[3] cpu\n  called at <here>");
  expect_error([&] { ts::lu(x.select(0, 0)); }, "ShapeError: lu\n  expected  matrices, [..., rows, columns]\n  actual    [3]\n  a: f32[3] cpu\n  called at <here>");
  expect_error([&] { ts::lu_factor(x.to(ts::f16)); }, "DTypeError: lu_factor\n  expected  a of dtype f32 or f64\n  actual    f16\n  a: f16[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::inverse(singular.to(ts::bf16)); },
               "DTypeError: inverse\n  expected  a of dtype f32 or f64\n  actual    bf16\n  a: bf16[2, 2] cpu\n  called at <here>");
  expect_error([&] { ts::inverse(singular); },
               "ValueError: inverse\n  expected  invertible matrices\n  actual    matrix 0 of the batch is not\n  a: f32[2, 2] cpu\n  called at <here>");
  expect_error([&] { ts::cholesky(to_tensor({2, 1, 1}, {4, -1})); },
               "ValueError: cholesky\n  expected  positive definite matrices\n  actual    matrix 1 of the batch is not\n  a: f32[2, 1, 1] cpu\n  called at <here>");
  const std::string square = "\n  expected  square matrices\n  actual    [2, 3]\n  a: f32[2, 3] cpu\n  called at <here>";
  expect_error([&] { ts::eigh(x); }, "ShapeError: eigh" + square);
  expect_error([&] { ts::slogdet(x); }, "ShapeError: slogdet" + square);
  expect_error([&] { ts::matrix_power(x, 2); }, "ShapeError: matrix_power" + square);
  expect_error([&] { ts::pinv(x.to(ts::f16)); }, "DTypeError: pinv\n  expected  a of dtype f32 or f64\n  actual    f16\n  a: f16[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::solve(singular, x.t()); },
               "ShapeError: solve\n  expected  b of the batch of a, with as many rows\n  actual    [2, 2] and [3, 2]\n  a: f32[2, 2] cpu   b: f32[3, 2] cpu\n  called at <here>");
}
