#include "tasuki/ops/pointwise_loss.hpp"

#include <cmath>

#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Reduction;
using ts::Shape;

namespace {

using Loss = double (*)(double x, double t);

auto reduced_by(Loss loss, Reduction reduction) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray y(in[0].shape);
    for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = loss(in[0][i], in[1][i]);
    if (reduction == Reduction::none) return y;
    double sum = 0;
    for (const double v : y.values) sum += v;
    return HostArray({}, reduction == Reduction::mean ? sum / static_cast<double>(y.numel()) : sum);
  };
}

/// The same loss elementwise and as a mean, on any operands that stay away from its kinks.
template <class F>
void add_cases(std::vector<OpCase>& list, const std::string& op, const std::string& variant, const std::vector<Input>& inputs, F f, Loss loss, unsigned flags = case_plain) {
  for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    list.push_back({.op = op,
                    .variant = (variant.empty() ? "" : variant + ", ") + name_of(reduction),
                    .inputs = inputs,
                    .forward = [=](const Inputs& in) { return f(in[0], in[1], reduction); },
                    .reference = reduced_by(loss, reduction),
                    .flags = flags | (reduction == Reduction::none ? no_nan : 0u),
                    .more_shapes = reduction == Reduction::none ? std::vector<std::vector<Shape>>{{{}, {}}, {{0, 2}, {0, 2}}, {{1, 67}, {1, 67}}} : std::vector<std::vector<Shape>>{},
                    .slack = 8});
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

OP_CASES(gaussian_nll_loss) {
  const auto losses = [](const HostArrays& in, double constant) {
    HostArray y(in[0].shape);
    const std::int64_t each = y.numel() / std::max<std::int64_t>(in[2].numel(), 1);
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      const double v = in[2][i / each], apart = in[0][i] - in[1][i];
      y[i] = 0.5 * (std::log(v) + apart * apart / v) + constant;
    }
    return y;
  };
  return {
      {.op = "gaussian_nll_loss",
       .inputs = {real({3, 4}), real({3, 4}), real({3, 4}, 0.5, 2)},
       .forward = [](const Inputs& in) { return ts::gaussian_nll_loss(in[0], in[1], in[2], {.full = true, .reduction = Reduction::none}); },
       .reference = [=](const HostArrays& in) -> HostArrays { return losses(in, 0.91893853320467274); },
       .more_shapes = {{{5}, {5}, {5}}, {{0}, {0}, {0}}},
       .slack = 8},
      {.op = "gaussian_nll_loss",
       .variant = "a variance for each sample",
       .inputs = {real({3, 4}), real({3, 4}), real({3}, 0.5, 2)},
       .forward = [](const Inputs& in) { return ts::gaussian_nll_loss(in[0], in[1], in[2], {.reduction = Reduction::sum}); },
       .reference = [=](const HostArrays& in) -> HostArrays {
         double sum = 0;
         for (const double v : losses(in, 0).values) sum += v;
         return HostArray({}, sum);
       },
       .slack = 8},
  };
}

OP_CASES(pointwise_loss) {
  using T = const ts::Tensor&;
  std::vector<OpCase> list;
  // Operands of which no difference is near a kink: x in steps of 0.5, targets beside them.
  const std::vector<Input> apart{real({3, 4}, 1.2, 1.9), real({3, 4}, 0.1, 0.9)}, near_and_far{real({3, 4}, 1.3, 1.8), real({3, 4}, 0.1, 0.2)};
  const std::vector<Input> probabilities{real({3, 4}, 0.1, 0.9), real({3, 4}, 0.1, 0.9)}, logits{real({3, 4}, -4, 4), real({3, 4}, 0, 1)};
  add_cases(list, "l1_loss", "", apart, [](T x, T t, Reduction r) { return ts::l1_loss(x, t, r); }, [](double x, double t) { return std::abs(x - t); });
  add_cases(list, "huber_loss", "within", apart, [](T x, T t, Reduction r) { return ts::huber_loss(x, t, {.delta = 2, .reduction = r}); },
            [](double x, double t) { return 0.5 * (x - t) * (x - t); });
  add_cases(list, "huber_loss", "beyond", near_and_far, [](T x, T t, Reduction r) { return ts::huber_loss(t, x, {.delta = 0.5, .reduction = r}); },
            [](double x, double t) { return 0.5 * (std::abs(x - t) - 0.25); });
  add_cases(list, "smooth_l1_loss", "within", apart, [](T x, T t, Reduction r) { return ts::smooth_l1_loss(x, t, {.beta = 2, .reduction = r}); },
            [](double x, double t) { return 0.25 * (x - t) * (x - t); });
  add_cases(list, "smooth_l1_loss", "beyond", near_and_far, [](T x, T t, Reduction r) { return ts::smooth_l1_loss(x, t, {.beta = 0.5, .reduction = r}); },
            [](double x, double t) { return std::abs(x - t) - 0.25; });
  add_cases(list, "binary_cross_entropy", "", probabilities, [](T x, T t, Reduction r) { return ts::binary_cross_entropy(x, t, {.reduction = r}); },
            [](double x, double t) { return -(t * std::log(x) + (1 - t) * std::log(1 - x)); });
  add_cases(list, "binary_cross_entropy_with_logits", "", logits, [](T x, T t, Reduction r) { return ts::binary_cross_entropy_with_logits(x, t, {.reduction = r}); },
            [](double x, double t) { return -(t * std::log(logistic(x)) + (1 - t) * std::log(logistic(-x))); });
  add_cases(list, "kl_div", "", {real({3, 4}, -3, 0), real({3, 4}, 0.1, 1)}, [](T x, T t, Reduction r) { return ts::kl_div(x, t, {.reduction = r}); },
            [](double x, double t) { return t * (std::log(t) - x); });
  add_cases(list, "kl_div", "of logarithms", {real({3, 4}, -3, 0), real({3, 4}, -3, 0)}, [](T x, T t, Reduction r) { return ts::kl_div(x, t, {.log_target = true, .reduction = r}); },
            [](double x, double t) { return std::exp(t) * (t - x); });
  add_cases(list, "poisson_nll_loss", "", {real({3, 4}), real({3, 4}, 0, 5)}, [](T x, T t, Reduction r) { return ts::poisson_nll_loss(x, t, {.reduction = r}); },
            [](double x, double t) { return std::exp(x) - t * x; });
  add_cases(list, "poisson_nll_loss", "of rates", {real({3, 4}, 0.3, 2), real({3, 4}, 0, 5)}, [](T x, T t, Reduction r) { return ts::poisson_nll_loss(x, t, {.log_input = false, .reduction = r}); },
            [](double x, double t) { return x - t * std::log(x + 1e-8); });
  add_cases(list, "soft_margin_loss", "", {real({3, 4}), real({3, 4}, -1, 1)}, [](T x, T t, Reduction r) { return ts::soft_margin_loss(x, t, r); },
            [](double x, double t) { return std::log(1 + std::exp(-t * x)); });
  add_cases(list, "hinge_loss", "", {real({3, 4}, -0.8, 0.8), real({3, 4}, -1, 1)}, [](T x, T t, Reduction r) { return ts::hinge_loss(x, t, r); },
            [](double x, double t) { return std::max(0.0, 1 - t * x); });
  add_cases(list, "hinge_embedding_loss", "", {real_avoiding({3, 4}, {0.5}), {.shape = {3, 4}, .lo = -1, .hi = 1, .differentiable = false, .avoid = {0}}},
            [](T x, T t, Reduction r) { return ts::hinge_embedding_loss(x, t, {.margin = 0.5, .reduction = r}); },
            [](double x, double t) { return t > 0 ? x : std::max(0.0, 0.5 - x); });
  add_cases(list, "sigmoid_focal_loss", "", logits, [](T x, T t, Reduction r) { return ts::sigmoid_focal_loss(x, t, {.reduction = r}); },
            [](double x, double t) {
              const double p = logistic(x), miss = p + t - 2 * p * t;
              return -(t * std::log(p) + (1 - t) * std::log(1 - p)) * miss * miss * (0.25 * t + 0.75 * (1 - t));
            });
  return list;
}

TEST_CASE("binary cross entropies weigh elements and positives") {
  const ts::Tensor x = to_tensor({2}, {0.5, -1}, ts::f64), t = to_tensor({2}, {1, 0}, ts::f64), w = to_tensor({2}, {3, 5}, ts::f64);
  const double first = -std::log(logistic(0.5)), second = -std::log(logistic(1));
  CHECK(ts::binary_cross_entropy_with_logits(x, t, {.weight = w, .reduction = Reduction::sum}).item<double>() == Approx(3 * first + 5 * second));
  CHECK(ts::binary_cross_entropy_with_logits(x, t, {.pos_weight = w, .reduction = Reduction::sum}).item<double>() == Approx(3 * first + second));
  CHECK(ts::binary_cross_entropy(to_tensor({2}, {0.5, 0.25}, ts::f64), t, {.weight = w, .reduction = Reduction::sum}).item<double>() ==
        Approx(3 * std::log(2) - 5 * std::log(0.75)));
}

TEST_CASE("Losses are finite where their logarithms are not") {
  const ts::Tensor sure = to_tensor({2}, {0, 1}), wrong = to_tensor({2}, {1, 0});
  CHECK(to_host(ts::binary_cross_entropy(sure, wrong, {.reduction = Reduction::none})).values == std::vector<double>{100, 100});
  CHECK(ts::binary_cross_entropy_with_logits(to_tensor({2}, {-1000, 1000}), wrong).item<float>() == 1000);
  CHECK(ts::kl_div(to_tensor({2}, {-1, -2}), to_tensor({2}, {0, 1}), {.reduction = Reduction::sum}).item<float>() == 2);
}

TEST_CASE("The divergence of each sample on average") {
  CHECK(ts::kl_div(to_tensor({2, 2}, {-1, -2, -3, -4}), to_tensor({2, 2}, {1, 1, 1, 1}), {.batch_mean = true}).item<float>() == 5);
}

TEST_CASE("Misuse of pointwise losses is explained") {
  const ts::Tensor x = to_tensor({2, 1}, {1, 2});
  const std::string tail = "\n  x: f32[2, 1] cpu   target: f32[2, 1] cpu\n  called at <here>";
  const std::string three = "\n  x: f32[2, 1] cpu   target: f32[2, 1] cpu   var: f32[2, 1] cpu\n  called at <here>";
  expect_error([&] { ts::gaussian_nll_loss(x, x, x, {.eps = 0}); }, "ValueError: gaussian_nll_loss\n  expected  eps > 0\n  actual    0" + three);
  expect_error([&] { ts::gaussian_nll_loss(x, x, x.reshape({1, 2})); },
               "ShapeError: gaussian_nll_loss\n  expected  var of shape [2, 1]\n  actual    [1, 2]\n  x: f32[2, 1] cpu   target: f32[2, 1] cpu   var: f32[1, 2] cpu\n  called at <here>");
  expect_error([&] { ts::l1_loss(x, x.squeeze(1)); },
               "ShapeError: l1_loss\n  expected  x.shape() == target.shape()\n  actual    [2, 1] != [2]\n  l1_loss does not broadcast\n"
               "  x: f32[2, 1] cpu   target: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::kl_div(x, x.to(ts::f64), {.log_target = true}); },
               "DTypeError: kl_div\n  expected  target of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n  x: f32[2, 1] cpu   target: f64[2, 1] cpu\n  called at <here>");
  expect_error([&] { ts::hinge_loss(x.to(ts::i64), x); },
               "DTypeError: hinge_loss\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2, 1] cpu   target: f32[2, 1] cpu\n  called at <here>");
  expect_error([&] { ts::huber_loss(x, x, {.delta = 0}); }, "ValueError: huber_loss\n  expected  delta > 0\n  actual    0" + tail);
  expect_error([&] { ts::smooth_l1_loss(x, x, {.beta = -1}); }, "ValueError: smooth_l1_loss\n  expected  beta >= 0\n  actual    -1" + tail);
}
