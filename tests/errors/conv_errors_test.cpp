// What a user reads after a mistake with convolutions of one and three dimensions, transposed ones, and their options.
#include "tasuki/nn/conv.hpp"
#include "tasuki/ops/conv.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

using namespace tasuki;
using tasuki::testing::expect_error;

TEST_CASE("convolution: the number of spatial dimensions is that of the function") {
  expect_error([] { conv3d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3, 3})); },
               "ShapeError: conv3d\n"
               "  expected  x.ndim() == dims + 2\n"
               "  actual    4 != 5\n"
               "  x is [N, C, D, H, W]; x.unsqueeze(0) makes a batch of one\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv1d(zeros({1, 3, 8}), zeros({4, 3, 3, 3})); },
               "ShapeError: conv1d\n"
               "  expected  weight.ndim() == dims + 2\n"
               "  actual    4 != 3\n"
               "  weight is [out channels, in channels / groups, width]\n"
               "  x: f32[1, 3, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv3d(zeros({1, 3, 8, 8, 8}), zeros({4, 3, 3, 3, 3}), {}, {.stride = {1, 2}}); },
               "ValueError: conv3d\n"
               "  expected  stride of one number, or one for each of 3 spatial dimensions\n"
               "  actual    (1, 2)\n"
               "  x: f32[1, 3, 8, 8, 8] cpu   weight: f32[4, 3, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { max_pool1d(zeros({1, 3, 8}), {2, 2}); },
               "ValueError: max_pool1d\n"
               "  expected  kernel of one number, or one for each of 1 spatial dimensions\n"
               "  actual    (2, 2)\n"
               "  x: f32[1, 3, 8] cpu\n"
               "  called at <here>");
}

TEST_CASE("convolution: a stride cannot keep the size") {
  expect_error([] { conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), {}, {.stride = 2, .padding = same_padding}); },
               "ValueError: conv2d\n"
               "  expected  shape.stride[d] == 1\n"
               "  same_padding keeps the size, a stride of 2 does not\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("transposed convolution: operands and options that do not fit") {
  expect_error([] { conv_transpose2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3})); },
               "ShapeError: conv_transpose2d\n"
               "  expected  x.size(1) == weight.size(0)\n"
               "  actual    3 != 4\n"
               "  input channels\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[4, 3, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv_transpose2d(zeros({1, 3, 8, 8}), zeros({3, 2, 3, 3}), {}, {.groups = 2}); },
               "ShapeError: conv_transpose2d\n"
               "  expected  x.size(1) % groups == 0\n"
               "  actual    1 != 0\n"
               "  groups = 2 must divide the 3 input channels\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[3, 2, 3, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv_transpose2d(zeros({1, 3, 8, 8}), zeros({3, 2, 3, 3}), zeros({3})); },
               "ShapeError: conv_transpose2d\n"
               "  expected  bias.shape() == Shape{channels}\n"
               "  actual    [3] != [2]\n"
               "  x: f32[1, 3, 8, 8] cpu   weight: f32[3, 2, 3, 3] cpu   bias: f32[3] cpu\n"
               "  called at <here>");
  expect_error([] { conv_transpose1d(zeros({1, 3, 8}), zeros({3, 2, 3}), {}, {.stride = 2, .output_padding = 2}); },
               "ValueError: conv_transpose1d\n"
               "  expected  more < std::max(stride, dilation)\n"
               "  output_padding of 2 must be less than the stride 2 or the dilation 1\n"
               "  x: f32[1, 3, 8] cpu   weight: f32[3, 2, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv_transpose1d(zeros({1, 3, 1}), zeros({3, 2, 3}), {}, {.padding = 2}); },
               "ShapeError: conv_transpose1d\n"
               "  expected  size >= 1\n"
               "  the result would have -1 elements in dimension 2\n"
               "  x: f32[1, 3, 1] cpu   weight: f32[3, 2, 3] cpu\n"
               "  called at <here>");
  expect_error([] { conv_transpose3d(zeros({1, 3, 0, 2, 2}), zeros({3, 2, 3, 3, 3})); },
               "ShapeError: conv_transpose3d\n"
               "  expected  given >= 1\n"
               "  x has nothing in dimension 2\n"
               "  x: f32[1, 3, 0, 2, 2] cpu   weight: f32[3, 2, 3, 3, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("layers of convolutions: channels and kernels that cannot work") {
  expect_error([] { nn::ConvTranspose3d(4, 6, {.groups = 4}); },
               "ValueError: expected  groups >= 1 && in >= 1 && out >= 1 && in % groups == 0 && out % groups == 0\n"
               "  ConvTranspose3d was asked for 4 input and 6 output channels in 4 groups, which must divide both");
  expect_error([] { nn::Conv1d(4, 6, {.kernel = {3, 3}}); },
               "ValueError: Conv1d was asked for a kernel of (3, 3)\n"
               "  it takes one number, or one for each of its dimensions, of at least 1");
}
