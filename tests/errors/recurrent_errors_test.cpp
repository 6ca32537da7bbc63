#include "tasuki/nn/recurrent.hpp"
#include "tasuki/ops/recurrent.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;

TEST_CASE("Misuse of recurrent layers is explained", "[cpu]") {
  const Tensor x = ts::zeros({3, 2, 4}), none;
  const ts::RecurrentWeights w{ts::zeros({20, 4}), ts::zeros({20, 5}), {}, {}};
  const std::string tail = "\n  x: f32[3, 2, 4] cpu\n  called at <here>";
  expect_error([&] { ts::lstm(x[0], none, none, w); },
               "ShapeError: lstm\n  expected  x of [steps, batch, features]\n  actual    [2, 4]\n  x: f32[2, 4] cpu\n  called at <here>");
  expect_error([&] { ts::lstm_cell(x, none, none, w); }, "ShapeError: lstm_cell\n  expected  x of [batch, features]\n  actual    [3, 2, 4]" + tail);
  expect_error([&] { ts::lstm(x, none, none, {}); }, "ValueError: lstm\n  expected  weights for the input and for the state\n  actual    an undefined one" + tail);
  expect_error([&] { ts::gru(x, none, w); }, "ShapeError: gru\n  expected  a weight of the state of shape [15, 5]\n  actual    [20, 5]" + tail);
  expect_error([&] { ts::lstm(x, none, none, {ts::zeros({20, 3}), w.state, {}, {}}); },
               "ShapeError: lstm\n  expected  a weight of the input of shape [20, 4]\n  actual    [20, 3]" + tail);
  expect_error([&] { ts::lstm(x, none, none, {w.input, w.state, ts::zeros({5}), {}}); }, "ShapeError: lstm\n  expected  a bias of shape [20]\n  actual    [5]" + tail);
  expect_error([&] { ts::lstm(x, ts::zeros({3, 5}), none, w); },
               "ShapeError: lstm\n  expected  h of shape [2, 5]\n  actual    [3, 5]\n  x: f32[3, 2, 4] cpu   h: f32[3, 5] cpu\n  called at <here>");
  expect_error([&] { ts::lstm(x, none, none, w, {.lengths = ts::zeros({2})}); },
               "DTypeError: lstm\n  expected  lengths of dtype i64\n  actual    f32\n  cast it with .to(ts::i64)" + tail);
  expect_error([&] { ts::lstm(x, none, none, w, {.lengths = to_tensor({2}, {3, 4}, ts::i64)}); },
               "ValueError: lstm\n  expected  0 <= length <= 3, the steps of x\n  actual    4 at lengths[1]\n"
               "  products: f32[3, 2, 20] cpu   h: f32[2, 5] cpu   c: f32[2, 5] cpu   weight: f32[20, 5] cpu   lengths: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::lstm(x.to(ts::f64), none, none, w); },
               "DTypeError: lstm\n  expected  states and weights of dtype f64\n  actual    f32\n  cast it with .to(ts::f64)\n  x: f64[3, 2, 4] cpu\n  called at <here>");
}

TEST_CASE("Misuse of recurrent modules is explained") {
  const ts::nn::LSTM lstm{3, 4, {.layers = 2}};
  const Tensor x = ts::zeros({2, 2, 3}), h = ts::zeros({1, 2, 4});
  expect_error([&] { lstm(x, {h, {}}); }, "ShapeError: LSTM\n  expected  h of [2, batch, 4]\n  actual    [1, 2, 4]\n  h: f32[1, 2, 4] cpu\n  called at <here>");
  CHECK_THROWS_WITH(ts::nn::GRU(3, 0), Catch::Contains("1 layers of 3 inputs and 0 hidden features"));
  CHECK_THROWS_WITH(ts::nn::GRU(3, 4, {.dropout = 2}), Catch::Contains("GRU was asked for the dropout 2"));
}
