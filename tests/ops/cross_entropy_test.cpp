#include "tasuki/ops/cross_entropy.hpp"

#include <algorithm>
#include <cmath>

#include "tasuki/ops/softmax.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Reduction;
using ts::Shape;

namespace {

/// The definition in the header, by samples; classes are dimension 1 (or 0 of one). in: logits, target and, if any, weight.
auto defined(Reduction reduction, double smoothing = 0, std::int64_t ignore = -100) {
  return [=](const HostArrays& in) -> HostArrays {
    const Shape& s = in[0].shape;
    const int class_dim = s.ndim() == 1 ? 0 : 1;
    const std::int64_t classes = s[class_dim];
    std::int64_t inner = 1;
    for (int d = class_dim + 1; d < s.ndim(); ++d) inner *= s[d];
    HostArray losses(in[1].shape);
    double sum = 0, total = 0;
    for (std::int64_t i = 0; i < losses.numel(); ++i) {
      const auto label = static_cast<std::int64_t>(in[1][i]);
      if (label == ignore) continue;
      const auto x = [&](std::int64_t c) { return in[0][i / inner * classes * inner + c * inner + i % inner]; };
      const auto w = [&](std::int64_t c) { return in.size() > 2 ? in[2][c] : 1.0; };
      double peak = x(0), z = 0;
      for (std::int64_t c = 0; c < classes; ++c) peak = std::max(peak, x(c));
      for (std::int64_t c = 0; c < classes; ++c) z += std::exp(x(c) - peak);
      const auto minus_log = [&](std::int64_t c) { return peak + std::log(z) - x(c); };
      losses[i] = (1 - smoothing) * w(label) * minus_log(label);
      for (std::int64_t c = 0; c < classes && smoothing > 0; ++c) losses[i] += smoothing / static_cast<double>(classes) * w(c) * minus_log(c);
      sum += losses[i];
      total += w(label);
    }
    if (reduction == Reduction::none) return losses;
    return HostArray({}, reduction == Reduction::sum ? sum : sum / total);
  };
}

std::function<Outputs(const Inputs&)> with(ts::CrossEntropyOptions o) {
  return [o](const Inputs& in) {
    ts::CrossEntropyOptions options = o;
    if (in.size() > 2) options.weight = in[2];
    return ts::cross_entropy(in[0], in[1], options);
  };
}

}  // namespace

OP_CASES(cross_entropy) {
  return {
      {.op = "cross_entropy",
       .variant = "mean",
       .inputs = {real({4, 5}), indices({4}, 0, 4)},
       .forward = with({}),
       .reference = defined(Reduction::mean),
       .more_shapes = {{{1, 5}, {1}}, {{3, 37}, {3}}, {{2, 16}, {2}}, {{5}, {}}}},
      {.op = "cross_entropy",
       .variant = "sum, i32 labels",
       .inputs = {real({4, 5}), indices({4}, 0, 4, ts::i32)},
       .forward = with({.reduction = Reduction::sum}),
       .reference = defined(Reduction::sum),
       .more_shapes = {{{0, 5}, {0}}}},
      {.op = "cross_entropy",
       .variant = "none, some ignored",
       .inputs = {real({6, 3}), indices({6}, 0, 2)},
       .forward = with({.ignore_index = 1, .reduction = Reduction::none}),
       .reference = defined(Reduction::none, 0, 1),
       .flags = no_nan},
      {.op = "cross_entropy",
       .variant = "images, all options",
       .inputs = {real({2, 4, 3, 5}), indices({2, 3, 5}, 0, 3), constant({4}, 0.25, 2)},
       .forward = with({.ignore_index = 2, .label_smoothing = 0.2}),
       .reference = defined(Reduction::mean, 0.2, 2),
       .more_shapes = {{{1, 4, 17}, {1, 17}, {4}}}},
      {.op = "cross_entropy",
       .variant = "images, smoothed, none",
       .inputs = {real({2, 3, 5}), indices({2, 5}, 0, 2)},
       .forward = with({.label_smoothing = 0.3, .reduction = Reduction::none}),
       .reference = defined(Reduction::none, 0.3)},
      {.op = "cross_entropy",
       .variant = "rows, weights, smoothed, some ignored",
       .inputs = {real({5, 19}), indices({5}, 16, 18), constant({19}, 0.25, 2)},
       .forward = with({.ignore_index = 17, .label_smoothing = 0.1}),
       .reference = defined(Reduction::mean, 0.1, 17),
       .flags = no_expand},  // one label for all could be the ignored one
      {.op = "cross_entropy",
       .variant = "probabilities",
       .inputs = {real({3, 4}), real({3, 4}, 0, 1), constant({4}, 0.25, 2)},
       .forward = with({.label_smoothing = 0.1}),
       .reference = [](const HostArrays& in) -> HostArrays {
         double sum = 0;
         for (std::int64_t i = 0; i < 3; ++i) {
           double z = 0;
           for (std::int64_t c = 0; c < 4; ++c) z += std::exp(in[0].at({i, c}));
           for (std::int64_t c = 0; c < 4; ++c) sum += (in[1].at({i, c}) * 0.9 + 0.025) * in[2][c] * (std::log(z) - in[0].at({i, c}));
         }
         return HostArray({}, sum / 3);
       },
       .flags = no_replay},
  };
}

TEST_CASE("cross_entropy of ignored samples alone is NaN in the mean, 0 in the sum, and sends back zeros") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}).requires_grad_(), t = to_tensor({2}, {-100, -100}, ts::i64);
  const ts::Tensor mean = ts::cross_entropy(x, t);
  CHECK(std::isnan(mean.item<float>()));
  CHECK(ts::cross_entropy(x, t, {.reduction = Reduction::sum}).item<float>() == 0);
  mean.backward();
  CHECK(x.grad().to_vector<float>() == std::vector<float>(6, 0.f));
  CHECK(std::isnan(ts::cross_entropy(to_tensor(HostArray(Shape{0, 3}), ts::f32), to_tensor({0}, {}, ts::i64)).item<float>()));
}

TEST_CASE("cross_entropy keeps its precision far from zero and for confident predictions") {
  const ts::Tensor x = to_tensor({1, 3}, {10000, 10001, 9990});
  CHECK(ts::cross_entropy(x, to_tensor({1}, {1}, ts::i64)).item<float>() == Approx(std::log(1 + std::exp(-1.0) + std::exp(-11.0))).epsilon(1e-6));
  for (const ts::DType dtype : {ts::bf16, ts::f16}) {
    const ts::Tensor sure = to_tensor({1, 2}, {8, 0}, dtype).requires_grad_();
    ts::cross_entropy(sure, to_tensor({1}, {0}, ts::i64)).backward();
    const HostArray g = to_host(sure.grad());
    const double p = 1 / (1 + std::exp(8.0));
    CHECK(g[0] == Approx(-p).epsilon(1e-2));  // softmax - 1, of which a rounded softmax would leave nothing
    CHECK(g[1] == Approx(p).epsilon(1e-2));
  }
}

TEST_CASE("cross_entropy has the same bits for any number of threads, with rows and with images") {
  HostArray values(Shape{64, 50, 11});
  HostArray labels(Shape{64, 11});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(i * 7919 % 1009)) * 5;
  for (std::int64_t i = 0; i < labels.numel(); ++i) labels[i] = static_cast<double>(i * 31 % 50);
  const int threads = ts::num_threads();
  for (const bool rows : {false, true}) {
    std::string bits[2];
    for (const int n : {1, 3}) {
      ts::set_num_threads(n);
      ts::Tensor x = to_tensor(values, ts::f32), t = to_tensor(labels, ts::i64);
      if (rows) x = x.permute({0, 2, 1}).reshape({704, 50}), t = t.reshape({704});
      x = x.detach().requires_grad_();
      const ts::Tensor loss = ts::cross_entropy(x, t, {.label_smoothing = 0.1});
      loss.backward();
      bits[n == 3] = bytes_of(loss) + bytes_of(x.grad());
    }
    CHECK(bits[0] == bits[1]);
  }
  ts::set_num_threads(threads);
}
