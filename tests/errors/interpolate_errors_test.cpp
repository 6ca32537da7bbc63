#include "tasuki/ops/interpolate.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

TEST_CASE("misuse of interpolate") {
  expect_error([] { ts::interpolate(ts::zeros({4, 3}), {.scale = 2}); },
               "ShapeError: interpolate\n"
               "  expected  x [N, C, W], [N, C, H, W] or [N, C, D, H, W]\n"
               "  actual    [4, 3]\n"
               "  x: f32[4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 4, 3}, {.dtype = ts::i64}), {.scale = 2}); },
               "DTypeError: interpolate\n"
               "  expected  x of a floating dtype\n"
               "  actual    i64\n"
               "  x: i64[1, 1, 4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 4, 3}), {}); },
               "ValueError: interpolate\n"
               "  expected  either size or scale\n"
               "  actual    neither given\n"
               "  x: f32[1, 1, 4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 4, 3}), {.size = {8, 6}, .scale = 2}); },
               "ValueError: interpolate\n"
               "  expected  either size or scale\n"
               "  actual    both given\n"
               "  x: f32[1, 1, 4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 4, 3}), {.size = 8}); },
               "ValueError: interpolate\n"
               "  expected  a size for each of the 2 spatial dimensions\n"
               "  actual    1\n"
               "  x: f32[1, 1, 4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 4, 3}), {.scale = {2, 2, 2}}); },
               "ValueError: interpolate\n"
               "  expected  one scale, or one for each of the 2 spatial dimensions\n"
               "  actual    3\n"
               "  x: f32[1, 1, 4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 4, 3}), {.scale = 0.3}); },
               "ValueError: interpolate\n"
               "  expected  an image and a result of 1 to 2^28 elements along dimension 3\n"
               "  actual    0\n"
               "  x: f32[1, 1, 4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 4, 3}), {.size = {-1, 3}}); },
               "ValueError: interpolate\n"
               "  expected  an image and a result of 1 to 2^28 elements along dimension 2\n"
               "  actual    -1\n"
               "  x: f32[1, 1, 4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 0, 3}), {.size = {2, 2}}); },
               "ShapeError: interpolate\n"
               "  expected  size >= 1\n"
               "  actual    0 < 1\n"
               "  there is nothing to interpolate in an empty image\n"
               "  x: f32[1, 1, 0, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::interpolate(ts::zeros({1, 1, 4, 3}), {.scale = 2, .align_corners = true}); },
               "ValueError: interpolate\n"
               "  expected  !(options.align_corners && options.mode == Interpolation::nearest)\n"
               "  nearest elements have no corners to align\n"
               "  x: f32[1, 1, 4, 3] cpu\n"
               "  called at <here>");
}
