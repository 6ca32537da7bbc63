#include "tasuki/ops/pool_indices.hpp"

#include <algorithm>
#include <cmath>

#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

using Range = std::vector<std::int64_t>;  // the pixels of a window along one dimension

/// Calls f(plane, output position, pixels of the window) for each window of images [planes, h, w].
template <class F>
void each_window(const HostArray& x, const std::vector<Range>& rows, const std::vector<Range>& columns, F f) {
  const std::int64_t w = x.shape[x.shape.ndim() - 1], h = x.shape[x.shape.ndim() - 2], planes = h * w > 0 ? x.numel() / (h * w) : 0;
  std::int64_t at = 0;
  for (std::int64_t p = 0; p < planes; ++p)
    for (const Range& row : rows)
      for (const Range& column : columns) {
        Range pixels;
        for (const std::int64_t i : row)
          for (const std::int64_t j : column) pixels.push_back(i * w + j);
        f(p * h * w, at++, pixels);
      }
}

Range range(std::int64_t begin, std::int64_t end, std::int64_t step, std::int64_t size) {
  Range r;
  for (std::int64_t i = begin; i < end; i += step)
    if (i >= 0 && i < size) r.push_back(i);
  return r;
}
std::vector<Range> adaptive(std::int64_t size, std::int64_t count) {
  std::vector<Range> windows;
  for (std::int64_t i = 0; i < count; ++i) windows.push_back(range(i * size / count, ((i + 1) * size + count - 1) / count, 1, size));
  return windows;
}

/// Of signals [N, C, W] take `rows` of one row of height 1.
HostArrays maxima(HostArray x, Shape shape, const std::vector<Range>& rows, const std::vector<Range>& columns, bool with_indices) {
  if (x.shape.ndim() == 3) x.shape.insert(2, 1);
  HostArray values(shape), indices(shape);
  each_window(x, rows, columns, [&](std::int64_t plane, std::int64_t at, const Range& pixels) {
    std::int64_t best = pixels[0];
    for (const std::int64_t p : pixels)
      if (x[plane + p] > x[plane + best]) best = p;
    values[at] = x[plane + best];
    indices[at] = static_cast<double>(best);
  });
  if (with_indices) return std::vector<HostArray>{values, indices};
  return values;
}

Outputs both(const ts::MaxPoolResult& r) { return std::vector<ts::Tensor>{r.values, r.indices}; }

}  // namespace

OP_CASES(pool_indices) {
  const std::vector<Range> fractional_rows{{0, 1}, {2, 3}, {4, 5}}, fractional_columns{{0, 1}, {1, 2}, {3, 4}, {5, 6}};
  const std::vector<Range> dilated_rows{range(-1, 4, 2, 5), range(1, 6, 2, 5)}, dilated_columns{range(-1, 4, 2, 4), range(0, 5, 2, 4)};
  return {
      {.op = "adaptive_max_pool1d", .inputs = {distinct({2, 3, 7})}, .forward = [](const Inputs& in) { return ts::adaptive_max_pool1d(in[0], 3); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {in[0].shape[0], 3, 3}, {{0}}, adaptive(in[0].shape[2], 3), false); }, .flags = no_expand | no_nan, .more_shapes = {{{0, 3, 7}}, {{1, 3, 2}}}},
      {.op = "adaptive_max_pool2d", .inputs = {distinct({2, 2, 5, 4})}, .forward = [](const Inputs& in) { return ts::adaptive_max_pool2d(in[0], {2, 3}); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {2, 2, 2, 3}, adaptive(5, 2), adaptive(4, 3), false); }, .flags = no_expand},
      {.op = "adaptive_max_pool2d_with_indices", .inputs = {distinct({1, 2, 3, 7})}, .forward = [](const Inputs& in) { return both(ts::adaptive_max_pool2d_with_indices(in[0], 2)); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {1, 2, 2, 2}, adaptive(3, 2), adaptive(7, 2), true); }, .flags = no_expand},
      {.op = "adaptive_max_pool3d", .inputs = {distinct({1, 2, 2, 5, 4})}, .forward = [](const Inputs& in) { return ts::adaptive_max_pool3d(in[0], {2, 2, 3}); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {1, 2, 2, 2, 3}, adaptive(5, 2), adaptive(4, 3), false); }, .flags = no_expand},
      {.op = "adaptive_max_pool1d_with_indices", .inputs = {distinct({1, 2, 5})}, .forward = [](const Inputs& in) { return both(ts::adaptive_max_pool1d_with_indices(in[0], 2)); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {1, 2, 2}, {{0}}, adaptive(5, 2), true); }, .flags = no_expand | no_nan},
      {.op = "adaptive_max_pool3d_with_indices", .inputs = {distinct({1, 1, 1, 4, 4})}, .forward = [](const Inputs& in) { return both(ts::adaptive_max_pool3d_with_indices(in[0], {1, 2, 2})); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {1, 1, 1, 2, 2}, adaptive(4, 2), adaptive(4, 2), true); }, .flags = no_expand},
      {.op = "max_pool1d_with_indices", .inputs = {distinct({2, 2, 6})}, .forward = [](const Inputs& in) { return both(ts::max_pool1d_with_indices(in[0], 2)); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {2, 2, 3}, {{0}}, {{0, 1}, {2, 3}, {4, 5}}, true); }, .flags = no_expand},
      {.op = "max_pool2d_with_indices", .inputs = {distinct({2, 2, 5, 4})},
       .forward = [](const Inputs& in) { return both(ts::max_pool2d_with_indices(in[0], 3, {.stride = {2, 1}, .padding = 1, .dilation = 2})); },
       .reference = [=](const HostArrays& in) { return maxima(in[0], {2, 2, 2, 2}, dilated_rows, dilated_columns, true); }, .flags = no_expand},
      {.op = "max_pool3d_with_indices", .inputs = {distinct({1, 1, 1, 4, 5})}, .forward = [](const Inputs& in) { return both(ts::max_pool3d_with_indices(in[0], {1, 2, 2}, {.ceil_mode = true})); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {1, 1, 1, 2, 3}, {{0, 1}, {2, 3}}, {{0, 1}, {2, 3}, {4}}, true); }, .flags = no_expand},
      {.op = "fractional_max_pool2d", .inputs = {distinct({1, 2, 6, 7})},
       .forward = [](const Inputs& in) { return ts::fractional_max_pool2d(in[0], 2, {.output = {3, 4}, .samples = to_tensor({1, 2, 2}, {0.3, 0.7, 0.3, 0.7})}); },
       .reference = [=](const HostArrays& in) { return maxima(in[0], {1, 2, 3, 4}, fractional_rows, fractional_columns, false); }, .flags = no_expand},
      {.op = "fractional_max_pool2d_with_indices", .inputs = {distinct({1, 2, 6, 7})},
       .forward = [](const Inputs& in) { return both(ts::fractional_max_pool2d_with_indices(in[0], 2, {.ratio = 0.58, .samples = to_tensor({1, 2, 2}, {0.3, 0.7, 0.3, 0.7})})); },
       .reference = [=](const HostArrays& in) { return maxima(in[0], {1, 2, 3, 4}, fractional_rows, fractional_columns, true); }, .flags = no_expand},
      {.op = "fractional_max_pool3d", .inputs = {distinct({1, 1, 2, 5, 4})}, .forward = [](const Inputs& in) { return ts::fractional_max_pool3d(in[0], {1, 2, 2}, {.output = 2}); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {1, 1, 2, 2, 2}, {{0, 1}, {3, 4}}, {{0, 1}, {2, 3}}, false); }, .flags = no_expand},
      {.op = "fractional_max_pool3d_with_indices", .inputs = {distinct({2, 1, 1, 5, 4})},
       .forward = [](const Inputs& in) { return both(ts::fractional_max_pool3d_with_indices(in[0], {1, 2, 2}, {.output = {1, 2, 2}})); },
       .reference = [](const HostArrays& in) { return maxima(in[0], {2, 1, 1, 2, 2}, {{0, 1}, {3, 4}}, {{0, 1}, {2, 3}}, true); }, .flags = no_expand},
      {.op = "max_unpool1d", .inputs = {real({1, 1, 3})}, .forward = [](const Inputs& in) { return ts::max_unpool1d(in[0], to_tensor({1, 1, 3}, {1, 2, 5}, ts::i64), 2); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({1, 1, 6}, std::vector<double>{0, in[0][0], in[0][1], 0, 0, in[0][2]}); }},
      {.op = "max_unpool2d", .inputs = {real({1, 2, 1, 2})},
       .forward = [](const Inputs& in) { return ts::max_unpool2d(in[0], to_tensor({1, 2, 1, 2}, {1, 2, 9, 3}, ts::i64), 2, {.output = {2, 5}}); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y({1, 2, 2, 5}, std::vector<double>(20, 0));
         y[1] = in[0][0], y[2] = in[0][1], y[19] = in[0][2], y[13] = in[0][3];
         return y;
       }},
      {.op = "max_unpool3d", .inputs = {real({1, 1, 1, 1, 2})}, .forward = [](const Inputs& in) { return ts::max_unpool3d(in[0], to_tensor({1, 1, 1, 1, 2}, {0, 7}, ts::i64), {1, 2, 2}); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({1, 1, 1, 2, 4}, std::vector<double>{in[0][0], 0, 0, 0, 0, 0, 0, in[0][1]}); }},
      {.op = "lp_pool1d", .inputs = {real({2, 1, 4}, 0.3, 2)}, .forward = [](const Inputs& in) { return ts::lp_pool1d(in[0], 3, 2); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{2, 1, 2});
         for (std::int64_t i = 0; i < 4; ++i) y[i] = std::cbrt(std::pow(in[0][2 * i], 3) + std::pow(in[0][2 * i + 1], 3));
         return y;
       }, .slack = 4},
      {.op = "lp_pool2d", .inputs = {real({1, 2, 2, 4}, 0.3, 2)}, .forward = [](const Inputs& in) { return ts::lp_pool2d(in[0], 2, 2); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{1, 2, 1, 2});
         each_window(in[0], {{0, 1}}, {{0, 1}, {2, 3}}, [&](std::int64_t plane, std::int64_t at, const Range& pixels) {
           for (const std::int64_t p : pixels) y[at] += in[0][plane + p] * in[0][plane + p];
           y[at] = std::sqrt(y[at]);
         });
         return y;
       }, .slack = 4},
      {.op = "lp_pool3d", .inputs = {real({1, 1, 1, 1, 2}, 0.3, 2)}, .forward = [](const Inputs& in) { return ts::lp_pool3d(in[0], 1, {1, 1, 2}); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({1, 1, 1, 1, 1}, std::vector<double>{in[0][0] + in[0][1]}); }, .slack = 4},
  };
}

TEST_CASE("Pooling with indices finds NaN, the first of equals, and what max_pool2d finds") {
  const ts::Tensor x = to_tensor({1, 1, 2, 4}, {1, 1, std::nan(""), 5, 1, 1, 7, std::nan("")});
  const ts::MaxPoolResult r = ts::max_pool2d_with_indices(x, 2);
  CHECK(to_host(r.indices).values == std::vector<double>{0, 2});
  CHECK(bytes_of(r.values) == bytes_of(ts::max_pool2d(x, 2)));
}

TEST_CASE("Windows of fractional pooling are drawn for each plane, cover its ends, and are the same for one seed") {
  const ts::Tensor row = to_tensor({1, 2, 1, 7}, {1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7});
  const auto ends = ts::fractional_max_pool2d(row, {1, 2}, {.output = {1, 4}, .samples = to_tensor({1, 2, 2}, {0, 0.7, 0, 0.5})});
  CHECK(to_host(ends).values == std::vector<double>{2, 3, 5, 7, 2, 4, 6, 7});
  const ts::Tensor x = to_tensor(HostArray(Shape{4, 8, 30, 30}), ts::f32);
  ts::Generator first(3), second(3), third(4);
  const auto places = [&](ts::Generator& g) { return to_host(ts::fractional_max_pool2d_with_indices(x, 3, {.ratio = 0.55}, &g).indices); };
  const HostArray drawn = places(first);
  CHECK(drawn.shape == Shape{4, 8, 16, 16});
  CHECK(drawn.values == places(second).values);
  CHECK(drawn.values != places(third).values);
  for (std::int64_t plane = 0; plane < 32; ++plane) {
    CHECK(drawn[plane * 256] == 0);
    CHECK(drawn[plane * 256 + 255] == 27 * 30 + 27);  // of zeros the first: where the last window begins
  }
}

TEST_CASE("Unpooling puts the largest values back where they were") {
  const ts::Tensor x = to_tensor({1, 1, 2, 4}, {1, 8, 3, 5, 4, 2, 6, 7});
  const ts::MaxPoolResult r = ts::max_pool2d_with_indices(x, 2);
  CHECK(to_host(ts::max_unpool2d(r.values, r.indices, 2)).values == std::vector<double>{0, 8, 0, 0, 0, 0, 0, 7});
}

TEST_CASE("Misuse of poolings with indices is explained") {
  const ts::Tensor x = to_tensor(HostArray(Shape{1, 1, 2, 4}), ts::f32), i = to_tensor(HostArray(Shape{1, 1, 2, 4}), ts::i64);
  expect_error([&] { ts::adaptive_max_pool2d(x, 0); },
               "ValueError: adaptive_max_pool2d\n  expected  output of at least 1\n  actual    0\n  x: f32[1, 1, 2, 4] cpu\n  called at <here>");
  expect_error([&] { ts::max_unpool2d(x, x, 2); },
               "DTypeError: max_unpool2d\n  expected  indices of dtype i64 or i32\n  actual    f32\n  x: f32[1, 1, 2, 4] cpu   indices: f32[1, 1, 2, 4] cpu\n  called at <here>");
  expect_error([&] { ts::max_unpool2d(x, i[0], 2); },
               "ShapeError: max_unpool2d\n  expected  indices of shape [1, 1, 2, 4]\n  actual    [1, 2, 4]\n  x: f32[1, 1, 2, 4] cpu   indices: i64[1, 2, 4] cpu\n  called at <here>");
  CHECK_THROWS_WITH(ts::max_unpool2d(x, i + 99, 2), Catch::Contains("index"));
  const std::string of_x = "\n  x: f32[1, 1, 2, 4] cpu\n  called at <here>", of_volume = "\n  x: f32[1, 1, 1, 2, 4] cpu\n  called at <here>";
  const std::string no_size = "\n  expected  .output, or a .ratio between 0 and 1\n  actual    ratio = 1.5", too_small = "\n  expected  images of at least output + kernel - 1 = 4 pixels\n  actual    2 in x ";
  expect_error([&] { ts::fractional_max_pool2d(x, 2, {.ratio = 1.5}); }, "ValueError: fractional_max_pool2d" + no_size + of_x);
  expect_error([&] { ts::fractional_max_pool2d_with_indices(x, 2, {.output = 3}); }, "ShapeError: fractional_max_pool2d_with_indices" + too_small + "[1, 1, 2, 4]" + of_x);
  expect_error([&] { ts::fractional_max_pool3d(x.unsqueeze(0), {1, 3, 1}, {.output = {1, 2, 1}}); }, "ShapeError: fractional_max_pool3d" + too_small + "[1, 1, 1, 2, 4]" + of_volume);
  expect_error([&] { ts::fractional_max_pool3d_with_indices(x.unsqueeze(0), 1, {.ratio = 1.5}); }, "ValueError: fractional_max_pool3d_with_indices" + no_size + of_volume);
  expect_error([&] { ts::lp_pool2d(x, 0, 2); }, "ValueError: lp_pool2d\n  expected  p > 0.0\n  actual    0 <= 0\n  the power of the sum\n  x: f32[1, 1, 2, 4] cpu\n  called at <here>");
}
