#include "tasuki/ops/index_select.hpp"

#include <cmath>

#include "tasuki/ops/random.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// y = x with slice index[i] at place i of `dim`.
auto selected(int dim) {
  return [=](const HostArrays& in) -> HostArrays {
    const HostArray &x = in[0], &index = in[1];
    Shape shape = x.shape;
    shape[dim] = index.numel();
    std::int64_t inner = 1;
    for (int d = dim + 1; d < shape.ndim(); ++d) inner *= shape[d];
    HostArray y(shape);
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      const std::int64_t outer = i / inner / shape[dim], own = i / inner % shape[dim];
      y[i] = x[(outer * x.shape[dim] + static_cast<std::int64_t>(index[own])) * inner + i % inner];
    }
    return y;
  };
}

OpCase selected_along(int dim, const std::string& variant, std::vector<Input> inputs, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "index_select",
          .variant = variant,
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) { return ts::index_select(in[0], dim, in[1]); },
          .reference = selected(dim),
          .more_shapes = std::move(more)};
}

}  // namespace

OP_CASES(index_select) {
  return {
      selected_along(0, "the first dim", {real({5, 3}), indices({7}, 0, 4)}, {{{5, 1}, {4}}, {{5, 0}, {4}}, {{5, 3}, {0}}, {{5, 70}, {3}}}),
      selected_along(1, "the last dim", {real({3, 5}), indices({8}, 0, 4)}, {{{1, 5}, {6}}, {{0, 5}, {6}}, {{3, 5}, {0}}}),
      selected_along(1, "channels, index i32", {real({2, 4, 3, 3}), indices({6}, 0, 3, ts::i32)}),
      selected_along(0, "images", {real({3, 4, 2, 2}), indices({5}, 0, 2)}),
      selected_along(0, "one dim", {real({6}), indices({9}, 0, 5)}),
  };
}

TEST_CASE("index_select moves every dtype bit for bit") {
  const ts::Tensor index = to_tensor({3}, {2, 0, 2}, ts::i64);
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_}) {
    const ts::Tensor x = to_tensor({3, 2}, {1, 0, 1, 1, 0, 1}, dtype);
    const ts::Tensor rows = ts::index_select(x, 0, index), columns = ts::index_select(x.t(), -1, index);
    CHECK(rows.dtype() == dtype);
    CHECK(to_host(rows).values == std::vector<double>{0, 1, 1, 0, 0, 1});
    CHECK(to_host(columns.t()).values == to_host(rows).values);
  }
}

TEST_CASE("A batch selected from channels-last images is channels-last") {
  const ts::Tensor images = to_tensor(HostArray(Shape{4, 3, 2, 2}, 1), ts::f32).contiguous(ts::MemoryFormat::channels_last);
  CHECK(ts::index_select(images, 0, to_tensor({2}, {3, 1}, ts::i64)).is_contiguous(ts::MemoryFormat::channels_last));
}

TEST_CASE("Slices that are selected several times get the sum of their gradients, rounded once") {
  const std::int64_t repeats = 1000;
  const ts::Tensor index = to_tensor(HostArray(Shape{repeats}, 1), ts::i64);
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16})
    for (const std::int64_t width : {1, 3}) {
      const ts::Tensor x = to_tensor(HostArray(Shape{3, width}), dtype).requires_grad_();
      ts::index_select(x, 0, index).backward(to_tensor(HostArray(Shape{repeats, width}, 1), dtype));
      for (std::int64_t i = 0; i < 3 * width; ++i) CHECK(to_host(x.grad())[i] == (i / width == 1 ? 1000 : 0));
    }
}

TEST_CASE("The gradient of index_select is right where rows outnumber indices, over several blocks, and has the same bits for any number of threads") {
  const std::int64_t rows = 700, width = 600, count = 900;  // wider than a block of columns, more rows than a band
  HostArray list(Shape{count}), seed(Shape{count, width}), expected(Shape{rows, width}, 2);
  for (std::int64_t i = 0; i < count; ++i) list[i] = static_cast<double>(i * i % 331 * 2);
  for (std::int64_t i = 0; i < seed.numel(); ++i) seed[i] = static_cast<double>(i % 17 - 8);
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t c = 0; c < width; ++c) expected[static_cast<std::int64_t>(list[i]) * width + c] += seed[i * width + c];
  const ts::Tensor index = to_tensor(list, ts::i64), g = to_tensor(seed, ts::f32);
  const int threads = ts::num_threads();
  std::string alone;
  for (const int used : {1, 2, 5}) {
    ts::set_num_threads(used);
    const ts::Tensor x = to_tensor(HostArray(Shape{rows, width}), ts::f32).requires_grad_();
    x.set_grad(to_tensor(HostArray(Shape{rows, width}, 2), ts::f32));
    ts::index_select(x, 0, index).backward(g);
    CHECK(to_host(x.grad()).values == expected.values);
    const ts::Tensor fresh = to_tensor(HostArray(Shape{rows, width}), ts::f32).requires_grad_();
    const ts::Tensor fractions = ts::index_select(fresh, 0, index);
    fractions.backward(g * 0.1);
    if (used == 1) alone = bytes_of(fresh.grad());
    CHECK(bytes_of(fresh.grad()) == alone);
  }
  ts::set_num_threads(threads);
}

TEST_CASE("Selecting by a permutation and by its inverse gives everything back") {
  const ts::Tensor x = ts::randn({300, 2, 5}), order = ts::randperm(300);
  HostArray inverse(Shape{300});
  const HostArray forward = to_host(order);
  for (std::int64_t i = 0; i < 300; ++i) inverse[static_cast<std::int64_t>(forward[i])] = static_cast<double>(i);
  const ts::Tensor back = ts::index_select(ts::index_select(x, 0, order), 0, to_tensor(inverse, ts::i64));
  CHECK(bytes_of(back) == bytes_of(x));
}

TEST_CASE("Misuse of index_select is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_error([&] { ts::index_select(x, 1, to_tensor({3}, {0, 2, 3}, ts::i64)); },
               "IndexError: index_select\n  expected  0 <= index < 3\n  actual    3 at index[2]\n  x: f32[2, 3] cpu   index: i64[3] cpu\n  called at <here>");
  expect_error([&] { ts::index_select(x, 0, to_tensor({1}, {-1}, ts::i32)); },
               "IndexError: index_select\n  expected  0 <= index < 2\n  actual    -1 at index[0]\n  x: f32[2, 3] cpu   index: i32[1] cpu\n  called at <here>");
  expect_error([&] { ts::index_select(x, 0, to_tensor({1, 1}, {0}, ts::i64)); },
               "ShapeError: index_select\n  expected  index.ndim() == 1\n  actual    2 != 1\n  x: f32[2, 3] cpu   index: i64[1, 1] cpu\n  called at <here>");
  expect_error([&] { ts::index_select(to_tensor({}, {1}), 0, to_tensor({1}, {0}, ts::i64)); },
               "ShapeError: index_select\n  expected  x.ndim() >= 1\n  actual    0 < 1\n  x: f32[] cpu   index: i64[1] cpu\n  called at <here>");
  expect_error([&] { ts::index_select(x, 2, to_tensor({1}, {0}, ts::i64)); },
               "IndexError: index_select\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x: f32[2, 3] cpu   index: i64[1] cpu\n  called at <here>");
  expect_error([&] { ts::index_select(x, 0, to_tensor({1}, {0}, ts::u8)); },
               "DTypeError: index_select\n  expected  index of dtype i64 or i32\n  actual    u8\n  x: f32[2, 3] cpu   index: u8[1] cpu\n  called at <here>");
}
