#include "tasuki/ops/mse_loss.hpp"

#include <cmath>

#include "tasuki/runtime/threads.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Reduction;
using ts::Shape;

namespace {

auto squares(Reduction reduction) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray out(in[0].shape);
    double sum = 0;
    for (std::int64_t i = 0; i < out.numel(); ++i) sum += out[i] = (in[0][i] - in[1][i]) * (in[0][i] - in[1][i]);
    if (reduction == Reduction::none) return out;
    return HostArray({}, reduction == Reduction::sum ? sum : sum / static_cast<double>(out.numel()));
  };
}

}  // namespace

OP_CASES(mse_loss) {
  return {
      {.op = "mse_loss",
       .variant = "mean",
       .inputs = {real({3, 4}), real({3, 4})},
       .forward = [](const Inputs& in) { return ts::mse_loss(in[0], in[1]); },
       .reference = squares(Reduction::mean),
       .flags = special_values,
       .more_shapes = {{{}, {}}, {{2, 3, 5, 7}, {2, 3, 5, 7}}}},
      {.op = "mse_loss",
       .variant = "sum",
       .inputs = {real({2, 3, 2, 2}), real({2, 3, 2, 2})},
       .forward = [](const Inputs& in) { return ts::mse(in[0], in[1], Reduction::sum); },
       .reference = squares(Reduction::sum),
       .flags = special_values,
       .more_shapes = {{{0}, {0}}}},
      {.op = "mse_loss",
       .variant = "none",
       .inputs = {real({3, 4}), real({3, 4})},
       .forward = [](const Inputs& in) { return ts::mse_loss(in[0], in[1], Reduction::none); },
       .reference = squares(Reduction::none),
       .flags = elementwise},
  };
}

TEST_CASE("mse_loss of many elements is exact to rounding, with the same bits for any number of threads") {
  HostArray values(Shape{700, 1000});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(i * 7919 % 10007));
  const ts::Tensor x = to_tensor(values, ts::f32), zero = to_tensor(HostArray(values.shape), ts::f32);
  double sum = 0;
  for (const double v : to_host(x).values) sum += v * v;
  const int threads = ts::num_threads();
  ts::set_num_threads(1);
  const float one = ts::mse_loss(x, zero).item<float>();
  ts::set_num_threads(3);
  CHECK(one == ts::mse_loss(x, zero).item<float>());
  CHECK(one == ts::mse_loss(x.contiguous().reshape({1000, 700}), zero.reshape({1000, 700})).item<float>());
  CHECK(one == Approx(sum / static_cast<double>(values.numel())).epsilon(2e-7));
  ts::set_num_threads(threads);
}

TEST_CASE("the mean of no squared errors is NaN, their sum is 0") {
  const ts::Tensor none = to_tensor(HostArray(Shape{0, 3}), ts::f32).requires_grad_();
  const ts::Tensor loss = ts::mse_loss(none, none.detach());
  CHECK(std::isnan(loss.item<float>()));
  loss.backward();
  CHECK(none.grad().shape() == Shape{0, 3});
  CHECK(ts::mse_loss(none, none, Reduction::sum).item<float>() == 0);
}

TEST_CASE("misuse of mse_loss is explained") {
  const ts::Tensor x = to_tensor({2, 1}, {1, 2});
  expect_error([&] { ts::mse_loss(x, x.squeeze(1)); },
               "ShapeError: mse_loss\n  expected  x.shape() == target.shape()\n  actual    [2, 1] != [2]\n  mse_loss does not broadcast\n"
               "  x: f32[2, 1] cpu   target: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::mse_loss(x, x.to(ts::f64)); },
               "DTypeError: mse_loss\n  expected  target of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n  x: f32[2, 1] cpu   target: f64[2, 1] cpu\n  called at <here>");
  expect_error([&] { ts::mse_loss(x.to(ts::i64), x); },
               "DTypeError: mse_loss\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2, 1] cpu   target: f32[2, 1] cpu\n  called at <here>");
}
