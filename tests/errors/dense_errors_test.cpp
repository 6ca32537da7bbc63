// What a user reads after a mistake with matrix products, convolutions and pooling.
#include "tasuki/ops/conv.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

using namespace tasuki;
using tasuki::testing::expect_error;

TEST_CASE("matmul: sizes, dimensions and dtypes that do not fit") {
  expect_error([] { matmul(zeros({2, 3}), zeros({4, 5})); },
               "ShapeError: matmul\n"
               "  expected  a.size(-1) == b.size(-2)\n"
               "  actual    3 != 4\n"
               "  a [2, 3] and b [4, 5] have different inner sizes\n"
               "  a: f32[2, 3] cpu   b: f32[4, 5] cpu\n"
               "  called at <here>");
  expect_error([] { matmul(zeros({2, 3}), zeros({2})); },
               "ShapeError: matmul\n"
               "  expected  a.size(-1) == b.size(0)\n"
               "  actual    3 != 2\n"
               "  a [2, 3] and b [2] have different inner sizes\n"
               "  a: f32[2, 3] cpu   b: f32[2] cpu\n"
               "  called at <here>");
  expect_error([] { matmul(zeros({}), zeros({2, 2})); },
               "ShapeError: matmul\n"
               "  expected  a.ndim() >= 1\n"
               "  actual    0 < 1\n"
               "  a matrix product needs vectors or matrices; multiply by a 0-d tensor with *\n"
               "  a: f32[] cpu   b: f32[2, 2] cpu\n"
               "  called at <here>");
  expect_error([] { matmul(zeros({2, 2}), zeros({})); },
               "ShapeError: matmul\n"
               "  expected  b.ndim() >= 1\n"
               "  actual    0 < 1\n"
               "  a matrix product needs vectors or matrices; multiply by a 0-d tensor with *\n"
               "  a: f32[2, 2] cpu   b: f32[] cpu\n"
               "  called at <here>");
  expect_error([] { matmul(zeros({2, 3, 4}), zeros({3, 4, 5})); },
               "ShapeError: matmul\n"
               "  expected  shapes that broadcast: counted from the last, each pair of sizes equal or one of them 1\n"
               "  actual    [2] and [3]: 2 against 3 in dimension -1\n"
               "  a: f32[2, 3, 4] cpu   b: f32[3, 4, 5] cpu\n"
               "  called at <here>");
  expect_error([] { matmul(zeros({2, 2}), zeros({2, 2}, {.dtype = f64})); },
               "DTypeError: matmul\n"
               "  expected  a.dtype() == b.dtype()\n"
               "  actual    f32 != f64\n"
               "  cast one of them with .to(dtype)\n"
               "  a: f32[2, 2] cpu   b: f64[2, 2] cpu\n"
               "  called at <here>");
  expect_error([] { matmul(zeros({2, 2}, {.dtype = bool_}), zeros({2, 2}, {.dtype = bool_})); },
               "DTypeError: matmul\n"
               "  expected  a.dtype() != bool_\n"
               "  matrices of bools have no product; cast them with .to(dtype)\n"
               "  a: bool[2, 2] cpu   b: bool[2, 2] cpu\n"
               "  called at <here>");
}

TEST_CASE("linear: sizes, dimensions and dtypes that do not fit") {
  expect_error([] { linear(zeros({64, 784}), zeros({10, 785})); },
               "ShapeError: linear\n"
               "  expected  x.size(-1) == weight.size(1)\n"
               "  actual    784 != 785\n"
               "  x: f32[64, 784] cpu   weight: f32[10, 785] cpu\n"
               "  called at <here>");
  expect_error([] { linear(zeros({2, 3}), zeros({3})); },
               "ShapeError: linear\n"
               "  expected  weight.ndim() == 2\n"
               "  actual    1 != 2\n"
               "  weight is [out, in]\n"
               "  x: f32[2, 3] cpu   weight: f32[3] cpu\n"
               "  called at <here>");
  expect_error([] { linear(zeros({}), zeros({2, 3})); },
               "ShapeError: linear\n"
               "  expected  x.ndim() >= 1\n"
               "  actual    0 < 1\n"
               "  x: f32[] cpu   weight: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([] { linear(zeros({2, 3}), zeros({4, 3}), zeros({3})); },
               "ShapeError: linear\n"
               "  expected  bias.shape() == Shape{weight.size(0)}\n"
               "  actual    [3] != [4]\n"
               "  x: f32[2, 3] cpu   weight: f32[4, 3] cpu   bias: f32[3] cpu\n"
               "  called at <here>");
  expect_error([] { linear(zeros({2, 3}), zeros({4, 3}, {.dtype = bf16})); },
               "DTypeError: linear\n"
               "  expected  x.dtype() == weight.dtype()\n"
               "  actual    f32 != bf16\n"
               "  cast one of them with .to(dtype)\n"
               "  x: f32[2, 3] cpu   weight: bf16[4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { linear(zeros({2, 3}, {.dtype = i64}), zeros({4, 3}, {.dtype = i64})); },
               "DTypeError: linear\n"
               "  expected  is_floating(x.dtype())\n"
               "  x is i64; cast it with .to(ts::f32)\n"
               "  x: i64[2, 3] cpu   weight: i64[4, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("conv2d: operands that do not fit each other") {
  expect_error([] { conv2d(zeros({3, 8, 8}), zeros({4, 3, 3, 3})); },
               "ShapeError: conv2d\n"
               "  expected  x.ndim() == dims + 2\n"
               "  actual    3 != 4\n"
               "  x is [N, C, H, W]; x.unsqueeze(0) makes a batch of one\n"
               "  x: f32[3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3})); },
               "ShapeError: conv2d\n"
               "  expected  weight.ndim() == dims + 2\n"
               "  actual    3 != 4\n"
               "  weight is [out channels, in channels / groups, height, width]\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 2, 3, 3})); },
               "ShapeError: conv2d\n"
               "  expected  x.size(1) == weight.size(1) * groups\n"
               "  actual    3 != 2\n"
               "  input channels\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 2, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 4, 8, 8}), zeros({3, 2, 3, 3}), {}, {.groups = 2}); },
               "ShapeError: conv2d\n"
               "  expected  weight.size(0) % groups == 0\n"
               "  actual    1 != 0\n"
               "  groups = 2 must divide the 3 output channels\n"
               "  x: f32[1, 4, 8, 8] cpu   weight: f32[3, 2, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 2, 8}), zeros({4, 3, 3, 3})); },
               "ShapeError: conv2d\n"
               "  expected  padded >= span\n"
               "  the kernel covers 3, the padded x has 2 in dimension 2\n"
               "  x: f32[1, 3, 2, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 4}), zeros({4, 3, 3, 3}), {}, {.dilation = {1, 2}}); },
               "ShapeError: conv2d\n"
               "  expected  padded >= span\n"
               "  the kernel covers 5, the padded x has 4 in dimension 3\n"
               "  x: f32[1, 3, 8, 4] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 0, 3})); },
               "ShapeError: conv2d\n"
               "  expected  weight.size(d) >= 1\n"
               "  the kernel [4, 3, 0, 3] has no taps\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 0, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), zeros({3})); },
               "ShapeError: conv2d\n"
               "  expected  bias.shape() == Shape{channels}\n"
               "  actual    [3] != [4]\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu   bias: f32[3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}, {.dtype = f64})); },
               "DTypeError: conv2d\n"
               "  expected  x.dtype() == weight.dtype()\n"
               "  actual    f32 != f64\n"
               "  cast one of them with .to(dtype)\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f64[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}, {.dtype = i32}), zeros({4, 3, 3, 3}, {.dtype = i32})); },
               "DTypeError: conv2d\n"
               "  expected  is_floating(x.dtype())\n"
               "  x is i32; cast it with .to(ts::f32)\n"
               "  x: i32[1, 3, 8, 8] cpu   weight: i32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("conv2d: options that cannot work") {
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), {}, {.stride = 0}); },
               "ValueError: conv2d\n"
               "  expected  stride of at least 1\n"
               "  actual    0\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), {}, {.padding = {0, -1}}); },
               "ValueError: conv2d\n"
               "  expected  padding of at least 0\n"
               "  actual    (0, -1)\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), {}, {.dilation = 0}); },
               "ValueError: conv2d\n"
               "  expected  dilation of at least 1\n"
               "  actual    0\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), {}, {.groups = 0}); },
               "ValueError: conv2d\n"
               "  expected  groups >= 1\n"
               "  actual    0 < 1\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), {}, {.padding = std::int64_t{1} << 40}); },
               "ValueError: conv2d\n"
               "  expected  padding of at most 1073741824\n"
               "  actual    1099511627776\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("pooling: images and windows that do not fit") {
  expect_error([] { max_pool2d(zeros({3, 8, 8}), 2); },
               "ShapeError: max_pool2d\n"
               "  expected  x.ndim() == dims + 2\n"
               "  actual    3 != 4\n"
               "  x is [N, C, H, W]; x.unsqueeze(0) makes a batch of one\n"
               "  x: f32[3, 8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { max_pool2d(zeros({1, 3, 8, 2}), 3); },
               "ShapeError: max_pool2d\n"
               "  expected  padded >= span\n"
               "  a window covers 3 pixels, the padded image has 2\n"
               "  x: f32[1, 3, 8, 2] cpu\n"
               "  called at <here>");
  expect_error([] { max_pool2d(zeros({1, 3, 8, 8}), 0); },
               "ValueError: max_pool2d\n"
               "  expected  kernel of at least 1\n"
               "  actual    0\n"
               "  x: f32[1, 3, 8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { max_pool2d(zeros({1, 3, 8, 8}), 2, {.stride = 0}); },
               "ValueError: max_pool2d\n"
               "  expected  stride of at least 1\n"
               "  actual    0\n"
               "  x: f32[1, 3, 8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { max_pool2d(zeros({1, 3, 8, 8}), 3, {.padding = 2}); },
               "ValueError: max_pool2d\n"
               "  expected  2 * paddings[d] <= kernels[d]\n"
               "  padding 2 is more than half of the kernel 3\n"
               "  x: f32[1, 3, 8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { max_pool2d(zeros({1, 3, 8, 8}), 3, {.padding = -1}); },
               "ValueError: max_pool2d\n"
               "  expected  padding of at least 0\n"
               "  actual    -1\n"
               "  x: f32[1, 3, 8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { max_pool2d(zeros({1, 3, 8, 8}), 3, {.dilation = 0}); },
               "ValueError: max_pool2d\n"
               "  expected  dilation of at least 1\n"
               "  actual    0\n"
               "  x: f32[1, 3, 8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { max_pool2d(zeros({1, 3, 8, 8}, {.dtype = u8}), 2); },
               "DTypeError: max_pool2d\n"
               "  expected  is_floating(x.dtype())\n"
               "  x is u8; cast it with .to(ts::f32)\n"
               "  x: u8[1, 3, 8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { avg_pool2d(zeros({1, 3, 8, 2}), 3); },
               "ShapeError: avg_pool2d\n"
               "  expected  padded >= span\n"
               "  a window covers 3 pixels, the padded image has 2\n"
               "  x: f32[1, 3, 8, 2] cpu\n"
               "  called at <here>");
  expect_error([] { avg_pool2d(zeros({8, 8}), 3); },
               "ShapeError: avg_pool2d\n"
               "  expected  x.ndim() == dims + 2\n"
               "  actual    2 != 4\n"
               "  x is [N, C, H, W]; x.unsqueeze(0) makes a batch of one\n"
               "  x: f32[8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { adaptive_avg_pool2d(zeros({1, 3, 8, 8}), 0); },
               "ValueError: adaptive_avg_pool2d\n"
               "  expected  output of at least 1\n"
               "  actual    0\n"
               "  x: f32[1, 3, 8, 8] cpu\n"
               "  called at <here>");
  expect_error([] { adaptive_avg_pool2d(zeros({1, 3, 0, 8}), 1); },
               "ShapeError: adaptive_avg_pool2d\n"
               "  expected  smallest >= 1\n"
               "  x [1, 3, 0, 8] has no pixels to take the mean of\n"
               "  x: f32[1, 3, 0, 8] cpu\n"
               "  called at <here>");
}
