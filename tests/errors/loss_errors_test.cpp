#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/mse_loss.hpp"
#include "tasuki/ops/nll_loss.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

TEST_CASE("a label out of range names itself, its position and the range") {
  expect_error([] { ts::cross_entropy(ts::zeros({3, 10}), to_tensor({3}, {1, 37, 2}, ts::i64)); },
               "IndexError: cross_entropy\n"
               "  expected  0 <= label < 10, or -100 to ignore\n"
               "  actual    37 at target[1]\n"
               "  logits: f32[3, 10] cpu   target: i64[3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::cross_entropy(ts::zeros({2, 4, 3}), to_tensor({2, 3}, {0, 1, 2, 3, -1, 0}, ts::i32), {.ignore_index = 3}); },
               "IndexError: cross_entropy\n"
               "  expected  0 <= label < 4, or 3 to ignore\n"
               "  actual    -1 at target[1, 1]\n"
               "  logits: f32[2, 4, 3] cpu   target: i32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::nll_loss(ts::zeros({1, 2}), to_tensor({1}, {2}, ts::i64)); },
               "IndexError: nll_loss\n"
               "  expected  0 <= label < 2, or -100 to ignore\n"
               "  actual    2 at target[0]\n"
               "  log_probabilities: f32[1, 2] cpu   target: i64[1] cpu\n"
               "  called at <here>");
}

TEST_CASE("misuse of cross_entropy") {
  expect_error([] { ts::cross_entropy(ts::zeros({3, 10}), ts::zeros({4}, {.dtype = ts::i64})); },
               "ShapeError: cross_entropy\n"
               "  expected  target, as labels, of shape [3]\n"
               "  actual    [4]\n"
               "  logits: f32[3, 10] cpu   target: i64[4] cpu\n"
               "  called at <here>");
  expect_error([] { ts::cross_entropy(ts::zeros({3, 10}), ts::zeros({3}, {.dtype = ts::u8})); },
               "DTypeError: cross_entropy\n"
               "  expected  target, as labels, of dtype i64 or i32\n"
               "  actual    u8\n"
               "  logits: f32[3, 10] cpu   target: u8[3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::cross_entropy(ts::zeros({3, 10}), ts::zeros({3})); },
               "ShapeError: cross_entropy\n"
               "  expected  target, as class probabilities, of shape [3, 10]\n"
               "  actual    [3]\n"
               "  logits: f32[3, 10] cpu   target: f32[3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::cross_entropy(ts::zeros({3, 10}), ts::zeros({3}, {.dtype = ts::i64}), {.label_smoothing = 1.5}); },
               "ValueError: cross_entropy\n"
               "  expected  rule.label_smoothing >= 0 && rule.label_smoothing <= 1\n"
               "  label_smoothing is 1.5\n"
               "  logits: f32[3, 10] cpu   target: i64[3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::cross_entropy(ts::zeros({3, 10}), ts::zeros({3}, {.dtype = ts::i64}), {.weight = ts::zeros({9})}); },
               "ShapeError: cross_entropy\n"
               "  expected  weight of shape [10]\n"
               "  actual    [9]\n"
               "  logits: f32[3, 10] cpu   target: i64[3] cpu   weight: f32[9] cpu\n"
               "  called at <here>");
}

TEST_CASE("misuse of softmax and mse_loss") {
  expect_error([] { ts::softmax(ts::zeros({2, 3}), 2); },
               "IndexError: softmax\n"
               "  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n"
               "  actual    dim = 2\n"
               "  x: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::log_softmax(ts::zeros({2, 3}, {.dtype = ts::i64}), 0); },
               "DTypeError: log_softmax\n"
               "  expected  x of a floating dtype\n"
               "  actual    i64\n"
               "  x: i64[2, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::mse_loss(ts::zeros({2, 3}), ts::zeros({2, 1})); },
               "ShapeError: mse_loss\n"
               "  expected  x.shape() == target.shape()\n"
               "  actual    [2, 3] != [2, 1]\n"
               "  mse_loss does not broadcast\n"
               "  x: f32[2, 3] cpu   target: f32[2, 1] cpu\n"
               "  called at <here>");
}
