#include "tasuki/ops/batch_norm.hpp"
#include "tasuki/ops/group_norm.hpp"
#include "tasuki/ops/layer_norm.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

TEST_CASE("misuse of batch_norm") {
  expect_error([] { ts::batch_norm(ts::zeros({4, 3}), ts::zeros({2}), ts::zeros({3})); },
               "ShapeError: batch_norm\n"
               "  expected  running_mean of shape [3]\n"
               "  actual    [2]\n"
               "  x: f32[4, 3] cpu   running_mean: f32[2] cpu   running_var: f32[3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::batch_norm(ts::zeros({1, 3}), {}, {}, {}, {}, {.training = true}); },
               "ValueError: batch_norm\n"
               "  expected  values != 1\n"
               "  actual    1 == 1\n"
               "  the variance of one value per channel is undefined: use a larger batch, or evaluation mode\n"
               "  x: f32[1, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::batch_norm(ts::zeros({2, 3}), {}, {}); },
               "ValueError: batch_norm\n"
               "  expected  in[running_mean_].defined() && in[running_var_].defined()\n"
               "  evaluation normalizes by the running statistics\n"
               "  x: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::batch_norm(ts::zeros({5}), {}, {}, {}, {}, {.training = true}); },
               "ShapeError: batch_norm\n"
               "  expected  x.ndim() >= 2\n"
               "  actual    1 < 2\n"
               "  batch_norm takes x [N, C] or [N, C, ...]\n"
               "  x: f32[5] cpu\n"
               "  called at <here>");
  expect_error([] { ts::batch_norm(ts::zeros({2, 3}), {}, {}, ts::zeros({3}, {.dtype = ts::f64}), {}, {.training = true}); },
               "DTypeError: batch_norm\n"
               "  expected  weight of dtype f32\n"
               "  actual    f64\n"
               "  cast it with .to(ts::f32)\n"
               "  x: f32[2, 3] cpu   weight: f64[3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::batch_norm(ts::zeros({2, 3}, {.dtype = ts::i64}), {}, {}, {}, {}, {.training = true}); },
               "DTypeError: batch_norm\n"
               "  expected  x of a floating dtype\n"
               "  actual    i64\n"
               "  x: i64[2, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("misuse of layer_norm") {
  expect_error([] { ts::layer_norm(ts::zeros({4, 3}), {4}); },
               "ShapeError: layer_norm\n"
               "  expected  x whose last sizes are normalized_shape = [4]\n"
               "  actual    [4, 3]\n"
               "  x: f32[4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::layer_norm(ts::zeros({4, 3}), ts::Shape{}); },
               "ShapeError: layer_norm\n"
               "  expected  normalized.ndim() >= 1\n"
               "  actual    0 < 1\n"
               "  normalized_shape names the last dimensions of x\n"
               "  x: f32[4, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::layer_norm(ts::zeros({4, 3}), {3}, ts::zeros({3}), ts::zeros({4})); },
               "ShapeError: layer_norm\n"
               "  expected  bias of shape [3]\n"
               "  actual    [4]\n"
               "  x: f32[4, 3] cpu   weight: f32[3] cpu   bias: f32[4] cpu\n"
               "  called at <here>");
}

TEST_CASE("misuse of rms_norm") {
  expect_error([] { ts::rms_norm(ts::zeros({4, 3}), {4}); },
               "ShapeError: rms_norm\n"
               "  expected  x whose last sizes are normalized_shape = [4]\n"
               "  actual    [4, 3]\n"
               "  x: f32[4, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("misuse of group_norm and instance_norm") {
  expect_error([] { ts::group_norm(ts::zeros({2, 6, 3}), 4); },
               "ShapeError: group_norm\n"
               "  expected  channels that divide into 4 groups\n"
               "  actual    6\n"
               "  x: f32[2, 6, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::group_norm(ts::zeros({2, 6, 3}), 0); },
               "ValueError: group_norm\n"
               "  expected  groups >= 1\n"
               "  actual    0 < 1\n"
               "  x: f32[2, 6, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::group_norm(ts::zeros({2, 6, 3}), 2, ts::zeros({2})); },
               "ShapeError: group_norm\n"
               "  expected  weight of shape [6]\n"
               "  actual    [2]\n"
               "  x: f32[2, 6, 3] cpu   weight: f32[2] cpu\n"
               "  called at <here>");
  expect_error([] { ts::instance_norm(ts::zeros({2, 6})); },
               "ValueError: instance_norm\n"
               "  expected  values != 1\n"
               "  actual    1 == 1\n"
               "  the variance of a single value is undefined: take fewer groups or larger images\n"
               "  x: f32[2, 6] cpu\n"
               "  called at <here>");
  expect_error([] { ts::instance_norm(ts::zeros({6})); },
               "ShapeError: instance_norm\n"
               "  expected  x.ndim() >= 2\n"
               "  actual    1 < 2\n"
               "  x is [N, C] or [N, C, ...]\n"
               "  x: f32[6] cpu\n"
               "  called at <here>");
}
