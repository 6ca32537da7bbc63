#include "tasuki/ops/activation.hpp"

#include <algorithm>
#include <cmath>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

OP_CASES(activation) {
  const std::vector<std::vector<Shape>> odd_shapes{{{}}, {{0}}, {{3, 0}}, {{7, 33}}};
  return {
      {.op = "softsign",
       .inputs = {real_avoiding({3, 5}, {0})},
       .forward = [](const Inputs& in) { return ts::softsign(in[0]); },
       .reference = pointwise([](double x) { return x / (1 + std::abs(x)); }),
       .flags = special_values,
       .more_shapes = odd_shapes,
       .slack = 2},
      {.op = "hardshrink",
       .inputs = {real_avoiding({3, 5}, {-0.7, 0.7})},
       .forward = [](const Inputs& in) { return ts::hardshrink(in[0], 0.7); },
       .reference = pointwise([](double x) { return std::abs(x) <= 0.7 ? 0 : x; }),
       .flags = special_values,
       .more_shapes = odd_shapes},
      {.op = "threshold",
       .inputs = {real_avoiding({3, 5}, {0.25})},
       .forward = [](const Inputs& in) { return ts::threshold(in[0], 0.25, -3); },
       .reference = pointwise([](double x) { return x <= 0.25 ? -3 : x; }),
       .flags = special_values,
       .more_shapes = odd_shapes},
      {.op = "softmin",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::softmin(in[0], 0); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y = in[0];
         for (std::int64_t column = 0; column < 5; ++column) {
           double sum = 0;
           for (std::int64_t row = 0; row < 3; ++row) sum += std::exp(-y.at({row, column}));
           for (std::int64_t row = 0; row < 3; ++row) y.at({row, column}) = std::exp(-y.at({row, column})) / sum;
         }
         return y;
       },
       .slack = 2},
      {.op = "glu",
       .inputs = {real({3, 4, 2})},
       .forward = [](const Inputs& in) { return ts::glu(in[0], 1); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{3, 2, 2});
         for (std::int64_t i = 0; i < y.numel(); ++i) {
           const std::int64_t first = i / 4 * 8 + i % 4;
           y[i] = in[0][first] / (1 + std::exp(-in[0][first + 4]));
         }
         return y;
       },
       .slack = 2},
      {.op = "gumbel_softmax",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::gumbel_softmax(in[0], {.tau = 0.8}); },
       .slack = 4,
       .before = [] { ts::manual_seed(11); }},
      {.op = "rrelu",
       .inputs = {real_avoiding({3, 5}, {0})},
       .forward = [](const Inputs& in) { return ts::rrelu(in[0], {}, true); },
       .before = [] { ts::manual_seed(11); }},
      {.op = "rrelu",
       .variant = "in evaluation",
       .inputs = {real_avoiding({3, 5}, {0})},
       .forward = [](const Inputs& in) { return ts::rrelu(in[0], {.lower = 0.25, .upper = 0.75}); },
       .reference = pointwise([](double x) { return x > 0 ? x : x / 2; })},
  };
}

TEST_CASE("The slopes of rrelu are uniform between their bounds, and the gradient's are the same") {
  ts::Generator generator(4);
  const ts::Tensor x = ts::full({40000}, -1, {.requires_grad = true}), y = ts::rrelu(x, {.lower = 0.2, .upper = 0.6}, true, &generator);
  CHECK(ts::amin(y).item<float>() >= -0.6f);
  CHECK(ts::amax(y).item<float>() <= -0.2f);
  CHECK(ts::mean(y).item<float>() == Approx(-0.4).margin(0.005));
  CHECK(ts::var(y).item<float>() == Approx(0.16 / 12).margin(0.001));
  y.sum().backward();
  CHECK(to_host(x.grad() + y.detach()).values == std::vector<double>(40000, 0));
}

TEST_CASE("A hard sample of gumbel_softmax is one-hot, with the gradient of the soft one") {
  const ts::Tensor x = to_tensor({2, 4}, {1, 2, 3, 4, 0, 0, 0, 0}), weight = to_tensor({2, 4}, {1, -2, 3, 0.5, 2, 1, -1, 4});
  const auto gradient = [&](bool hard) {
    ts::Generator generator(5);
    const ts::Tensor leaf = x.clone().requires_grad_(), y = ts::gumbel_softmax(leaf, {.tau = 0.5, .hard = hard}, &generator);
    if (hard) {
      CHECK(to_host(ts::sum(y, -1)).values == std::vector<double>{1, 1});
      CHECK(to_host(ts::amax(y, -1)).values == std::vector<double>{1, 1});
    }
    (y * weight).sum().backward();
    return to_host(leaf.grad());
  };
  CHECK(difference(gradient(true), gradient(false), tolerance_of(ts::f32)) == "");
}

TEST_CASE("Samples of gumbel_softmax follow the softmax of the logits") {
  constexpr std::int64_t draws = 40000;
  ts::Generator generator(3);
  const ts::Tensor logits = to_tensor({1, 3}, {0, std::log(2.0), std::log(5.0)}).expand({draws, 3});
  const HostArray share = to_host(ts::mean(ts::gumbel_softmax(logits, {.hard = true}, &generator), 0));
  for (int k = 0; k < 3; ++k) CHECK(share[k] == Approx((k == 0 ? 1 : k == 1 ? 2 : 5) / 8.0).margin(0.01));
}

TEST_CASE("Misuse of activations is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), n = x.to(ts::i64);
  const std::string of_x = "\n  x: f32[2, 3] cpu\n  called at <here>", floating = "\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2, 3] cpu\n  called at <here>";
  const std::string cast = "\n  expected  a floating dtype\n  actual    i64\n  cast first: .to(ts::f32)\n  x: i64[2, 3] cpu\n  called at <here>";
  expect_error([&] { ts::softsign(n); }, "DTypeError: softsign" + floating);
  expect_error([&] { ts::hardshrink(n); }, "DTypeError: hardshrink" + cast);
  expect_error([&] { ts::threshold(n, 1, 0); }, "DTypeError: threshold" + cast);
  expect_error([&] { ts::softmin(x, 2); }, "IndexError: softmin\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2" + of_x);
  expect_error([&] { ts::glu(x); }, "ShapeError: glu\n  expected  an even size along dimension 1\n  actual    3" + of_x);
  expect_error([&] { ts::rrelu(x, {.lower = 0.5, .upper = 0.25}); }, "ValueError: rrelu\n  expected  lower <= upper\n  actual    0.5 > 0.25" + of_x);
  expect_error([&] { ts::gumbel_softmax(x, {.tau = 0}); }, "ValueError: gumbel_softmax\n  expected  tau > 0\n  actual    0" + of_x);
}
