#include "tasuki/ops/grid_sample.hpp"

#include <cmath>
#include <limits>

#include "tasuki/ops/binary.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::GridSampleMode;
using ts::GridSamplePadding;
using ts::Shape;

namespace {

/// The pixel position that a coordinate stands for, brought inside as the padding says.
double position(double g, std::int64_t size, const ts::GridSampleOptions& o) {
  const double n = static_cast<double>(size);
  double p = o.align_corners ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2;
  if (o.padding == GridSamplePadding::reflection) {
    const double low = o.align_corners ? 0 : -0.5, high = o.align_corners ? n - 1 : n - 0.5;
    while (low != high && (p < low || p > high)) p = p < low ? 2 * low - p : 2 * high - p;
  }
  return o.padding == GridSamplePadding::zeros ? p : std::fmin(std::fmax(p, 0), n - 1);
}

/// The share of pixel i in the value at position p.
double share(double p, std::int64_t i, GridSampleMode mode) {
  const double distance = std::fabs(p - static_cast<double>(i));
  if (mode == GridSampleMode::nearest) return std::nearbyint(p) == static_cast<double>(i);
  return std::fmax(0, 1 - distance);
}

/// The definition: every pixel times its share, for each place. Images are [N, C, D, H, W], or without D.
auto sampled(const ts::GridSampleOptions& o) {
  return [o](const HostArrays& in) -> HostArrays {
    const HostArray &x = in[0], &grid = in[1];
    const int dims = x.shape.ndim() - 2;
    const std::int64_t depth = dims == 3 ? x.shape[2] : 1, height = x.shape[dims], width = x.shape[dims + 1];
    Shape shape{x.shape[0], x.shape[1]};
    std::int64_t places = 1;
    for (int d = 0; d < dims; ++d) {
      shape.push_back(grid.shape[1 + d]);
      places *= grid.shape[1 + d];
    }
    HostArray y(shape);
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      const std::int64_t plane = i / places, at = plane / shape[1] * places + i % places;
      const double px = position(grid[at * dims], width, o), py = position(grid[at * dims + 1], height, o);
      const double pz = dims == 3 ? position(grid[at * dims + 2], depth, o) : 0;
      for (std::int64_t d = 0; d < depth; ++d)
        for (std::int64_t h = 0; h < height; ++h)
          for (std::int64_t w = 0; w < width; ++w)
            y[i] += share(pz, d, o.mode) * share(py, h, o.mode) * share(px, w, o.mode) * x[((plane * depth + d) * height + h) * width + w];
    }
    return y;
  };
}

OpCase sample_case(std::string variant, const Shape& x, Input grid, const ts::GridSampleOptions& o, std::vector<ts::DType> dtypes = {ts::f32, ts::f64}) {
  return {.op = "grid_sample", .variant = std::move(variant), .inputs = {real(x), std::move(grid)},
          .forward = [=](const Inputs& in) { return ts::grid_sample(in[0], in[1], o); }, .reference = sampled(o), .dtypes = std::move(dtypes),
          .flags = no_nan, .slack = 8};
}

/// Held against PyTorch by tests/numerics; here narrower types against f64, and gradients against differences.
OpCase cubic_case(std::string variant, Input grid, ts::GridSampleOptions o) {
  o.mode = GridSampleMode::bicubic;
  OpCase c = sample_case("cubic, " + std::move(variant), {1, 2, 4, 5}, std::move(grid), o);
  c.reference = {};
  return c;
}

}  // namespace

OP_CASES(grid_sample) {
  // Places keep away from the centres and edges of the pixels of 5 and 4, or between centres of 3 and 5, where the slope jumps.
  const std::vector<double> jumps{-2, -1.75, -1.6, -1.25, -1.2, -1, -0.8, -0.75, -0.4, -0.25, 0, 0.25, 0.4, 0.75, 0.8, 1, 1.2, 1.25, 1.6, 1.75, 2};
  const Input inside = real_avoiding({2, 2, 3, 2}, jumps, -0.95, 0.95), beyond = real_avoiding({1, 2, 4, 2}, jumps, -1.9, 1.9);
  const Input between_centres = real_avoiding({1, 2, 4, 2}, {-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2}, -1.9, 1.9);
  Input constant_grid = real_avoiding({1, 2, 4, 2}, {-1.8, -1.5, -1.4, -1, -0.6, -0.5, -0.2, 0, 0.2, 0.5, 0.6, 1, 1.4, 1.5, 1.8}, -1.9, 1.9);  // the nearest changes at edges
  constant_grid.differentiable = false;
  const Input volume_grid = real_avoiding({1, 2, 1, 2, 3}, {-1.25, -1, -0.75, -2.0 / 3, -0.5, -1.0 / 3, -0.25, 0, 0.25, 1.0 / 3, 0.5, 2.0 / 3, 0.75, 1, 1.25}, -1.2, 1.2);
  return {
      sample_case("inside", {2, 3, 4, 5}, inside, {}),
      cubic_case("zeros outside", beyond, {}),
      cubic_case("which repeats", beyond, {.padding = GridSamplePadding::border}),
      cubic_case("reflected between centres", between_centres, {.padding = GridSamplePadding::reflection, .align_corners = true}),
      sample_case("beyond the border, of zeros", {1, 2, 4, 5}, beyond, {}),
      sample_case("beyond the border, which repeats", {1, 2, 4, 5}, beyond, {.padding = GridSamplePadding::border}),
      sample_case("beyond the border, reflected", {1, 2, 4, 5}, beyond, {.padding = GridSamplePadding::reflection}),
      sample_case("of centres of corners", {1, 2, 5, 3}, between_centres, {.align_corners = true}),
      sample_case("of centres of corners, reflected", {1, 2, 5, 3}, between_centres, {.padding = GridSamplePadding::reflection, .align_corners = true}),
      sample_case("of the nearest", {1, 2, 4, 5}, constant_grid, {.mode = GridSampleMode::nearest}),
      sample_case("of the nearest, reflected", {1, 2, 4, 5}, constant_grid, {.mode = GridSampleMode::nearest, .padding = GridSamplePadding::reflection}),
      sample_case("of volumes", {1, 2, 2, 3, 4}, volume_grid, {}),
      sample_case("of volumes, border", {1, 2, 2, 3, 4}, volume_grid, {.padding = GridSamplePadding::border, .align_corners = true}),
      sample_case("of many places and channels", {1, 19, 4, 5}, real({1, 9, 17, 2}, -0.9, 0.9), {}, {ts::f32}),
      // a grid in halves is too coarse for a comparison of places in between
      sample_case("in halves, of the nearest", {1, 2, 4, 4}, {.shape = {1, 2, 3, 2}, .lo = -1, .hi = 1, .fill = Fill::integers, .differentiable = false},
                  {.mode = GridSampleMode::nearest, .align_corners = true}, {ts::bf16, ts::f16, ts::f64}),
      {.op = "affine_grid", .inputs = {real({2, 2, 3})}, .forward = [](const Inputs& in) { return ts::affine_grid(in[0], {2, 3, 4, 5}); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{2, 4, 5, 2});
         for (std::int64_t i = 0; i < y.numel(); ++i) {
           const std::int64_t row = i % 2, column = i / 2 % 5, line = i / 10 % 4, n = i / 40;
           const double gx = (2 * static_cast<double>(column) + 1) / 5 - 1, gy = (2 * static_cast<double>(line) + 1) / 4 - 1;
           y[i] = in[0].at({n, row, 0}) * gx + in[0].at({n, row, 1}) * gy + in[0].at({n, row, 2});
         }
         return y;
       },
       .flags = no_nan, .slack = 4},
      {.op = "affine_grid", .variant = "of volumes, between centres", .inputs = {real({1, 3, 4})}, .forward = [](const Inputs& in) { return ts::affine_grid(in[0], {1, 1, 2, 1, 3}, true); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{1, 2, 1, 3, 3});
         for (std::int64_t i = 0; i < y.numel(); ++i) {
           const std::int64_t row = i % 3;
           const double gx = static_cast<double>(i / 3 % 3) - 1, gz = i / 9 ? 1 : -1;
           y[i] = in[0].at({0, row, 0}) * gx + in[0].at({0, row, 2}) * gz + in[0].at({0, row, 3});
         }
         return y;
       },
       .flags = no_nan, .slack = 4},
  };
}

TEST_CASE("The identity's grid reads the image itself, and places far outside read the padding") {
  const ts::Tensor x = to_tensor({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}), identity = to_tensor({1, 2, 3}, {1, 0, 0, 0, 1, 0});
  for (const bool corners : {false, true})
    CHECK(difference(to_host(ts::grid_sample(x, ts::affine_grid(identity, x.shape(), corners), {.align_corners = corners})), to_host(x), {1e-6, 1e-6}).empty());
  const ts::Tensor far = to_tensor({1, 1, 3, 2}, {1e30, 0, -infinity, 0, std::nan(""), 0});
  const HostArray zeros = to_host(ts::grid_sample(x, far)), border = to_host(ts::grid_sample(x, far, {.padding = GridSamplePadding::border}));
  CHECK(zeros[0] == 0);
  CHECK(zeros[1] == 0);
  CHECK(std::isnan(zeros[2]));
  CHECK(border[0] == 4.5);
  CHECK(border[1] == 2.5);
}

TEST_CASE("Cubic sampling gives back the pixels at their centres and mixes four with Keys' weights between them") {
  HostArray x(Shape{1, 1, 6, 7});
  for (std::int64_t i = 0; i < x.numel(); ++i) x[i] = 0.5 + static_cast<double>(i % 7) * 0.25 - static_cast<double>(i / 7) * 0.125;
  const ts::Tensor image = to_tensor(x, ts::f64), identity = to_tensor({1, 2, 3}, {1, 0, 0, 0, 1, 0}, ts::f64);
  const ts::GridSampleOptions options{.mode = GridSampleMode::bicubic, .align_corners = true};
  CHECK(difference(to_host(ts::grid_sample(image, ts::affine_grid(identity, image.shape(), true), options)), x, {1e-12, 1e-12}).empty());
  const ts::Tensor place = to_tensor({1, 1, 1, 2}, {0.1, -0.2}, ts::f64);  // column 3.3, row 2: (-0.2 + 1) / 2 * 5
  const double weights[] = {-0.11025, 0.83125, 0.32625, -0.04725};
  double expected = 0;
  for (int i = 0; i < 4; ++i) expected += weights[i] * (0.5 + (2 + i) * 0.25 - 2 * 0.125);
  CHECK(ts::grid_sample(image, place, options).item<double>() == Approx(expected));
}

TEST_CASE("Misuse of grid_sample is explained") {
  const ts::Tensor x = to_tensor(HostArray(Shape{1, 1, 2, 3}), ts::f32), grid = to_tensor(HostArray(Shape{1, 2, 2, 3}), ts::f32), theta = to_tensor(HostArray(Shape{1, 2, 3}), ts::f32);
  const std::string tail = "\n  x: f32[1, 1, 2, 3] cpu   grid: f32[1, 2, 2, 3] cpu\n  called at <here>";
  expect_error([&] { ts::grid_sample(x, grid); }, "ShapeError: grid_sample\n  expected  grid.size(-1) == x.ndim() - 2\n  actual    3 != 2\n  the coordinates of a place" + tail);
  expect_error([&] { ts::grid_sample(x[0], grid); },
               "ShapeError: grid_sample\n  expected  x of [N, C, H, W] or [N, C, D, H, W]\n  actual    [1, 2, 3]\n  x: f32[1, 2, 3] cpu   grid: f32[1, 2, 2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::grid_sample(ts::zeros({1, 1, 2, 2, 2}), ts::zeros({1, 1, 1, 1, 3}), {.mode = GridSampleMode::bicubic}); },
               "ShapeError: grid_sample\n  expected  x of [N, C, H, W] for cubic sampling\n  actual    [1, 1, 2, 2, 2]\n  x: f32[1, 1, 2, 2, 2] cpu   grid: f32[1, 1, 1, 1, 3] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::affine_grid(theta, {2, 1, 2, 2}); },
               "ShapeError: affine_grid\n  expected  theta of shape [2, 2, 3]\n  actual    [1, 2, 3]\n  theta: f32[1, 2, 3] cpu\n  called at <here>");
}
