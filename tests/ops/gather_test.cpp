#include "tasuki/ops/gather.hpp"

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// y[.., j, ..] = x[.., index[.., j, ..], ..], position by position.
auto gathered(int dim) {
  return [=](const HostArrays& in) -> HostArrays {
    const HostArray &x = in[0], &index = in[1];
    HostArray y(index.shape);
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      std::int64_t rest = i, position = 0, step = 1;
      for (int d = x.shape.ndim() - 1; d >= 0; --d) {
        const std::int64_t own = rest % index.shape[d];
        position += (d == dim ? static_cast<std::int64_t>(index[i]) : own) * step;
        step *= x.shape[d];
        rest /= index.shape[d];
      }
      y[i] = x[position];
    }
    return y;
  };
}

OpCase along(int dim, const std::string& variant, std::vector<Input> inputs, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "gather",
          .variant = variant,
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) { return ts::gather(in[0], dim, in[1]); },
          .reference = gathered(dim),
          .more_shapes = std::move(more)};
}

/// Numbers without a pattern that a kernel could get right by accident.
HostArray scattered(const Shape& shape, std::int64_t bound) {
  HostArray a(shape);
  std::uint64_t state = 12345;
  for (double& v : a.values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    v = static_cast<double>((state >> 33) % static_cast<std::uint64_t>(bound));
  }
  return a;
}

}  // namespace

OP_CASES(gather) {
  return {
      along(0, "the first dim", {real({4, 3}), indices({5, 3}, 0, 3)}, {{{4, 3}, {2, 2}}, {{4, 3}, {0, 3}}, {{4, 1}, {70, 1}}, {{4, 90}, {3, 90}}}),
      along(1, "the last dim", {real({3, 6}), indices({3, 4}, 0, 5)}, {{{3, 6}, {2, 9}}, {{40, 6}, {40, 1}}, {{0, 6}, {0, 2}}, {{3, 6}, {3, 0}}}),
      along(1, "a middle dim", {real({2, 4, 3}), indices({2, 5, 3}, 0, 3)}),
      along(2, "four dims, index i32", {real({2, 3, 4, 2}), indices({2, 3, 5, 2}, 0, 3, ts::i32)}),
      along(0, "one dim", {real({6}), indices({9}, 0, 5)}),
      along(0, "no dims", {real({}), indices({}, 0, 0)}),
  };
}

TEST_CASE("gather moves every dtype bit for bit") {
  const ts::Tensor index = to_tensor({2, 2}, {2, 0, 1, 1}, ts::i64);
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_}) {
    const ts::Tensor x = to_tensor({2, 3}, {1, 0, 1, 0, 1, 0}, dtype);
    const ts::Tensor y = ts::gather(x, -1, index);
    CHECK(y.dtype() == dtype);
    CHECK(to_host(y).values == std::vector<double>{1, 1, 1, 1});
    CHECK(to_host(ts::gather(x, 1, index)).values == to_host(y).values);
  }
}

TEST_CASE("Places that gather reads several times get the sum of their gradients, rounded once") {
  const std::int64_t repeats = 1000;
  const ts::Tensor index = to_tensor(HostArray(Shape{repeats, 1}), ts::i64);  // all zeros
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16}) {
    const ts::Tensor x = to_tensor({2, 1}, {5, 6}, dtype).requires_grad_();
    ts::gather(x, 0, index).backward(to_tensor(HostArray(Shape{repeats, 1}, 1), dtype));
    CHECK(to_host(x.grad()).values == std::vector<double>{1000, 0});  // halves that are added one by one stop at 256
  }
}

TEST_CASE("The few places of long lines of halves that gather reads get their sums, also where gradients add up") {
  const std::int64_t length = 700;
  const ts::Tensor index = to_tensor({2, 5}, {3, 699, 3, 3, 0, 11, 11, 12, 11, 11}, ts::i64);
  const ts::Tensor seed = to_tensor({2, 5}, {256, 1, 1, 1, 5, 0.5, 256, 2, 1, 0.5}, ts::bf16);
  const ts::Tensor x = to_tensor(HostArray(Shape{2, length}), ts::bf16).requires_grad_();
  for (const double times : {1.0, 2.0}) {
    ts::gather(x, 1, index).backward(seed);
    HostArray expected(Shape{2, length});
    expected[3] = 258 * times;  // 256 + 1 + 1, which one by one would stay 256
    expected[699] = times;
    expected[0] = 5 * times;
    expected[length + 11] = 258 * times;
    expected[length + 12] = 2 * times;
    CHECK(to_host(x.grad()).values == expected.values);
  }
}

TEST_CASE("The gradient of gather has the same bits for any number of threads") {
  const ts::Tensor index = to_tensor(scattered({300, 400}, 50), ts::i64);
  const int threads = ts::num_threads();
  for (const ts::DType dtype : {ts::f32, ts::bf16})
    for (const int dim : {0, 1}) {
      const auto gradient = [&](int count) {
        ts::set_num_threads(count);
        HostArray seed = scattered({300, 400}, 1000);
        for (double& v : seed.values) v = v * 0.001 - 0.3;
        const ts::Tensor x = to_tensor(HostArray(dim == 0 ? Shape{50, 400} : Shape{300, 50}), dtype).requires_grad_();
        ts::gather(x, dim, index).backward(to_tensor(seed, dtype));
        return bytes_of(x.grad());
      };
      const std::string alone = gradient(1);
      CHECK(gradient(2) == alone);
      CHECK(gradient(5) == alone);
    }
  ts::set_num_threads(threads);
}

TEST_CASE("Misuse of gather is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_error([&] { ts::gather(x, 1, to_tensor({2, 2}, {0, 1, 2, 3}, ts::i64)); },
               "IndexError: gather\n  expected  0 <= index < 3\n  actual    3 at index[1, 1]\n  x: f32[2, 3] cpu   index: i64[2, 2] cpu\n  called at <here>");
  expect_error([&] { ts::gather(x, 0, to_tensor({1, 3}, {0, -1, 0}, ts::i32)); },
               "IndexError: gather\n  expected  0 <= index < 2\n  actual    -1 at index[0, 1]\n  x: f32[2, 3] cpu   index: i32[1, 3] cpu\n  called at <here>");
  expect_error([&] { ts::gather(x.slice(1, 0, 0), 1, to_tensor({2, 1}, {0, 0}, ts::i64)); },
               "IndexError: gather\n  expected  0 <= index < 0\n  actual    0 at index[0, 0]\n  x: f32[2, 0] cpu   index: i64[2, 1] cpu\n  called at <here>");
  expect_error([&] { ts::gather(x, 1, to_tensor({3, 2}, {0, 0, 0, 0, 0, 0}, ts::i64)); },
               "ShapeError: gather\n  expected  index.size(0) <= x.size(0)\n  actual    3 > 2\n  x: f32[2, 3] cpu   index: i64[3, 2] cpu\n  called at <here>");
  expect_error([&] { ts::gather(x, 1, to_tensor({2}, {0, 0}, ts::i64)); },
               "ShapeError: gather\n  expected  index.ndim() == x.ndim()\n  actual    1 != 2\n  x: f32[2, 3] cpu   index: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::gather(x, 2, to_tensor({2, 1}, {0, 0}, ts::i64)); },
               "IndexError: gather\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x: f32[2, 3] cpu   index: i64[2, 1] cpu\n  called at <here>");
  expect_error([&] { ts::gather(x, 1, to_tensor({2, 1}, {0, 0})); },
               "DTypeError: gather\n  expected  index of dtype i64 or i32\n  actual    f32\n  x: f32[2, 3] cpu   index: f32[2, 1] cpu\n  called at <here>");
}
