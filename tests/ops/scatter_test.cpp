#include "tasuki/ops/scatter.hpp"

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// put(y at the place that index names, source's element), position by position; in: x, index, source.
template <class Put>
auto written(int dim, Put put) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray y = in[0];
    const HostArray& index = in[1];
    for (std::int64_t i = 0; i < index.numel(); ++i) {
      std::int64_t rest = i, place = 0, step = 1, from = 0, from_step = 1;
      for (int d = y.shape.ndim() - 1; d >= 0; --d) {
        const std::int64_t own = rest % index.shape[d];
        place += (d == dim ? static_cast<std::int64_t>(index[i]) : own) * step;
        step *= y.shape[d];
        if (in.size() > 2) {
          from += own * from_step;
          from_step *= in[2].shape[d];
        }
        rest /= index.shape[d];
      }
      put(y[place], in.size() > 2 ? in[2][from] : 0);
    }
    return y;
  };
}
void replace(double& place, double v) { place = v; }
void add(double& place, double v) { place += v; }

OpCase scatter_case(const std::string& variant, int dim, std::vector<Input> inputs, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "scatter_add",
          .variant = variant,
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) { return ts::scatter_add(in[0], dim, in[1], in[2]); },
          .reference = written(dim, add),
          .more_shapes = std::move(more),
          .slack = 2};
}

}  // namespace

OP_CASES(scatter) {
  return {
      scatter_case("the first dim", 0, {real({4, 3}), indices({5, 3}, 0, 3), real({5, 3})}, {{{4, 3}, {2, 2}, {3, 3}}, {{4, 3}, {0, 3}, {0, 3}}, {{4, 70}, {3, 70}, {3, 70}}}),
      scatter_case("the last dim", 1, {real({3, 6}), indices({3, 4}, 0, 5), real({3, 4})}, {{{40, 6}, {40, 9}, {40, 9}}, {{0, 6}, {0, 2}, {0, 2}}}),
      scatter_case("a middle dim, index i32", 1, {real({2, 4, 3}), indices({2, 5, 3}, 0, 3, ts::i32), real({2, 5, 3})}),
      scatter_case("no dims", 0, {real({}), indices({}, 0, 0), real({})}),
      {.op = "scatter",
       .variant = "of a tensor",
       .inputs = {real({3, 4}), indices({3, 1}, 0, 3), real({3, 2})},  // an index for each line: no two are equal
       .forward = [](const Inputs& in) { return ts::scatter(in[0], 1, in[1], in[2]); },
       .reference = written(1, replace),
       .flags = no_nan,
       .more_shapes = {{{70, 4}, {70, 1}, {70, 1}}, {{3, 4}, {3, 0}, {3, 0}}, {{0, 4}, {0, 1}, {0, 1}}}},
      {.op = "scatter",
       .variant = "of a number",
       .inputs = {real({4, 3}), indices({2, 3}, 0, 3)},
       .forward = [](const Inputs& in) { return ts::scatter(in[0], 0, in[1], 0); },
       .reference = written(0, replace),
       .flags = no_nan,
       .more_shapes = {{{4, 70}, {3, 70}}, {{4, 3}, {0, 3}}}},
      {.op = "index_fill",
       .inputs = {real({3, 4}), indices({2}, 0, 3)},
       .forward = [](const Inputs& in) { return ts::index_fill(in[0], 1, in[1], 0.5); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y = in[0];
         for (std::int64_t i = 0; i < y.numel(); ++i)
           for (const double column : in[1].values)
             if (i % y.shape[1] == static_cast<std::int64_t>(column)) y[i] = 0.5;
         return y;
       },
       .flags = no_nan,
       .more_shapes = {{{0, 4}, {2}}, {{3, 4}, {0}}, {{70, 4}, {3}}}},
      {.op = "index_copy",
       .inputs = {real({4, 3}), indices({1}, 0, 3), real({1, 3})},
       .forward = [](const Inputs& in) { return ts::index_copy(in[0], 0, in[1], in[2]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y = in[0];
         const std::int64_t width = y.shape[1];
         for (std::int64_t i = 0; i < in[2].numel(); ++i) y[static_cast<std::int64_t>(in[1][i / width]) * width + i % width] = in[2][i];
         return y;
       },
       .flags = no_nan,
       .more_shapes = {{{4, 3}, {0}, {0, 3}}, {{4, 70}, {1}, {1, 70}}}},
      {.op = "index_add",
       .inputs = {real({4, 3}), indices({5}, 0, 3), real({5, 3})},
       .forward = [](const Inputs& in) { return ts::index_add(in[0], 0, in[1], in[2], 0.5); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y = in[0];
         for (std::int64_t i = 0; i < in[2].numel(); ++i)
           y[static_cast<std::int64_t>(in[1][i / in[2].shape[1]]) * y.shape[1] + i % in[2].shape[1]] += 0.5 * in[2][i];
         return y;
       },
       .more_shapes = {{{4, 70}, {9}, {9, 70}}, {{4, 3}, {0}, {0, 3}}},
       .slack = 2},
      {.op = "take_along_dim",
       .inputs = {real({3, 4}), indices({1, 2}, 0, 3)},
       .forward = [](const Inputs& in) { return ts::take_along_dim(in[0], in[1], 1); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{3, 2});
         for (std::int64_t r = 0; r < 3; ++r)
           for (std::int64_t j = 0; j < 2; ++j) y.at({r, j}) = in[0].at({r, static_cast<std::int64_t>(in[1][j])});
         return y;
       },
       .flags = no_expand},
      {.op = "one_hot",
       .inputs = {indices({2, 3}, 0, 4)},
       .forward = [](const Inputs& in) { return ts::one_hot(in[0], 5); },
       .reference = [](const HostArrays& in) -> HostArrays {
         Shape shape = in[0].shape;
         shape.push_back(5);
         HostArray y(shape);
         for (std::int64_t i = 0; i < in[0].numel(); ++i) y[i * 5 + static_cast<std::int64_t>(in[0][i])] = 1;
         return y;
       },
       .dtypes = {ts::i64, ts::i32},
       .flags = no_gradient | no_nan,
       .more_shapes = {{{}}, {{0, 2}}, {{70}}}},
      {.op = "nonzero",
       .inputs = {{.shape = {3, 5}, .lo = 0, .hi = 1, .fill = Fill::integers}},
       .forward = [](const Inputs& in) { return ts::nonzero(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         std::vector<double> found;
         std::int64_t count = 0;
         for (std::int64_t i = 0; i < in[0].numel(); ++i) {
           if (in[0][i] == 0) continue;
           ++count;
           std::int64_t step = in[0].numel();
           for (const std::int64_t size : in[0].shape) {
             step /= size;
             found.push_back(static_cast<double>(i / step % size));
           }
         }
         return HostArray({count, in[0].shape.ndim()}, found);
       },
       .dtypes = {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_},
       .flags = no_gradient | no_nan,
       .more_shapes = {{{}}, {{0}}, {{70000}}, {{2, 1, 3, 2}}}},
      {.op = "masked_select",
       .inputs = {real({3, 4}), booleans({4})},
       .forward = [](const Inputs& in) { return ts::masked_select(in[0], in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         std::vector<double> found;
         for (std::int64_t i = 0; i < in[0].numel(); ++i)
           if (in[1].broadcast(in[0].shape, i) != 0) found.push_back(in[0][i]);
         return HostArray(Shape(found.size()), found);
       },
       .flags = no_nan | no_replay,
       .more_shapes = {{{2, 3}, {2, 3}}, {{0, 3}, {3}}}},
  };
}

TEST_CASE("Of equal indices the last one wins, for any number of threads") {
  const int threads = ts::num_threads();
  for (const int count : {1, 3}) {
    ts::set_num_threads(count);
    const std::int64_t rows = 500, n = 100;
    HostArray source(Shape{rows, n});
    for (std::int64_t i = 0; i < source.numel(); ++i) source[i] = static_cast<double>(i % n);
    const ts::Tensor y = ts::scatter(to_tensor(HostArray(Shape{rows, 1}, -1), ts::f32), 1, to_tensor(HostArray(Shape{rows, n}), ts::i64), to_tensor(source, ts::f32));
    CHECK(to_host(y).values == std::vector<double>(rows, n - 1));
  }
  ts::set_num_threads(threads);
}

TEST_CASE("scatter moves every dtype") {
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_}) {
    const ts::Tensor x = to_tensor({3}, {0, 0, 1}, dtype), index = to_tensor({2}, {2, 0}, ts::i64);
    CHECK(to_host(ts::scatter(x, 0, index, to_tensor({2}, {0, 1}, dtype))).values == std::vector<double>{1, 0, 0});
    CHECK(to_host(ts::scatter(x, 0, index, 1)).values == std::vector<double>{1, 0, 1});
  }
}

TEST_CASE("one_hot counts the classes where it is not told") {
  CHECK(ts::one_hot(to_tensor({2}, {0, 2}, ts::i64)).shape() == Shape{2, 3});
}

TEST_CASE("Misuse of scatters is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), index = to_tensor({2, 1}, {0, 3}, ts::i64), source = to_tensor({2, 1}, {1, 2});
  const std::string tail = "\n  x: f32[2, 3] cpu   index: i64[2, 1] cpu   source: f32[2, 1] cpu\n  called at <here>";
  expect_error([&] { ts::scatter(x, 1, index, source); }, "IndexError: scatter\n  expected  0 <= index < 3\n  actual    3 at index[1, 0]" + tail);
  expect_error([&] { ts::scatter_add(x, 1, index, source); }, "IndexError: scatter_add\n  expected  0 <= index < 3\n  actual    3 at index[1, 0]" + tail);
  expect_error([&] { ts::scatter(x, 2, index, source); }, "IndexError: scatter\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2" + tail);
  expect_error([&] { ts::scatter(x, 1, index, x.slice(0, 0, 1)); },
               "ShapeError: scatter\n  expected  index.size(0) <= source.size(0)\n  actual    2 > 1\n  x: f32[2, 3] cpu   index: i64[2, 1] cpu   source: f32[1, 3] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::scatter(x, 1, index, source.to(ts::f64)); },
               "DTypeError: scatter\n  expected  source of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n"
               "  x: f32[2, 3] cpu   index: i64[2, 1] cpu   source: f64[2, 1] cpu\n  called at <here>");
  expect_error([&] { ts::scatter_add(x.to(ts::i32), 1, index, source.to(ts::i32)); },
               "DTypeError: scatter_add\n  expected  x of a floating dtype\n  actual    i32\n  x: i32[2, 3] cpu   index: i64[2, 1] cpu   source: i32[2, 1] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::index_add(x, 0, to_tensor({1}, {0}, ts::i64), x); },
               "ShapeError: index_add\n  expected  source of shape [1, 3]\n  actual    [2, 3]\n  x: f32[2, 3] cpu   index: i64[1] cpu   source: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::index_add(x, 0, to_tensor({2}, {0, 2}, ts::i64), x); },
               "IndexError: index_add\n  expected  0 <= index < 2\n  actual    2 at index[1]\n  x: f32[2, 3] cpu   index: i64[2] cpu   source: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::take_along_dim(x, to_tensor({2}, {0, 1}, ts::i64), 1); },
               "ShapeError: take_along_dim\n  expected  index.ndim() == x.ndim()\n  actual    1 != 2\n  x: f32[2, 3] cpu   index: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::one_hot(to_tensor({2}, {0, 4}, ts::i64), 3); },
               "IndexError: one_hot\n  expected  0 <= label < 3\n  actual    4 at labels[1]\n  labels: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::one_hot(x); }, "DTypeError: one_hot\n  expected  labels of dtype i64 or i32\n  actual    f32\n  labels: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::masked_select(x, x); },
               "DTypeError: masked_select\n  expected  mask of dtype bool\n  actual    f32\n  cast it with .to(ts::bool)\n  x: f32[2, 3] cpu   mask: f32[2, 3] cpu\n  called at <here>");
}
