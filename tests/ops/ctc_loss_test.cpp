#include "tasuki/ops/ctc_loss.hpp"

#include <cmath>

#include "tasuki/autograd/autograd.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Reduction;
using ts::Shape;

namespace {

/// -ln of the sum over all paths that read as the labels: [steps, n, classes], [n, most], lengths; class 0 is the blank.
HostArray by_all_paths(const HostArrays& in) {
  const std::int64_t n = in[0].shape[1], classes = in[0].shape[2];
  HostArray losses(Shape{n});
  for (std::int64_t k = 0; k < n; ++k) {
    const auto steps = static_cast<std::int64_t>(in[2][k]);
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(in[3][k]); ++i) labels.push_back(static_cast<std::int64_t>(in[1].at({k, i})));
    double probability = 0;
    const auto paths = static_cast<std::int64_t>(std::pow(classes, steps));
    for (std::int64_t path = 0; path < paths; ++path) {
      std::vector<std::int64_t> read;
      double logarithm = 0;
      for (std::int64_t t = 0, rest = path, last = 0; t < steps; ++t, rest /= classes) {
        const std::int64_t c = rest % classes;
        if (c != 0 && c != last) read.push_back(c);
        logarithm += in[0].at({t, k, c});
        last = c;
      }
      if (read == labels) probability += std::exp(logarithm);
    }
    losses[k] = -std::log(probability);
  }
  return losses;
}

auto reduced_by(Reduction reduction) {
  return [=](const HostArrays& in) -> HostArrays {
    const HostArray losses = by_all_paths(in);
    if (reduction == Reduction::none) return losses;
    double total = 0;
    for (std::int64_t k = 0; k < losses.numel(); ++k) total += reduction == Reduction::sum ? losses[k] : losses[k] / in[3][k] / static_cast<double>(losses.numel());
    return HostArray({}, total);
  };
}

OpCase ctc_case(Reduction reduction, std::vector<Input> inputs) {
  return {.op = "ctc_loss",
          .variant = name_of(reduction),
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) { return ts::ctc_loss(in[0], in[1], in[2], in[3], {.reduction = reduction}); },
          .reference = reduced_by(reduction),
          .flags = no_double_backward,
          .slack = 8};
}

const ts::Tensor uniform() { return to_tensor(HostArray(Shape{4, 1, 3}, -std::log(3.0)), ts::f64); }
ts::Tensor whole(const Shape& shape, std::initializer_list<double> values) { return to_tensor(shape, values, ts::i64); }

}  // namespace

OP_CASES(ctc_loss) {
  return {
      ctc_case(Reduction::mean, {real({5, 2, 3}, -3, -0.2), indices({2, 2}, 1, 2), indices({2}, 4, 5), indices({2}, 1, 2)}),
      ctc_case(Reduction::sum, {real({4, 3, 4}, -3, -0.2), indices({3, 2}, 1, 3, ts::i32), indices({3}, 4, 4, ts::i32), indices({3}, 2, 2, ts::i32)}),
      ctc_case(Reduction::none, {real({5, 2, 3}, -3, -0.2), indices({2, 2}, 1, 2), indices({2}, 5, 5), indices({2}, 0, 2)}),
  };
}

TEST_CASE("Labels one after the other are those of rows") {
  HostArray values(Shape{5, 2, 3});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = -0.3 - 0.2 * static_cast<double>(i % 7);
  const ts::Tensor x = to_tensor(values, ts::f64), steps = whole({2}, {5, 4}), lengths = whole({2}, {2, 1});
  const ts::Tensor rows = ts::ctc_loss(x, whole({2, 2}, {1, 2, 2, 0}), steps, lengths), flat = ts::ctc_loss(x, whole({3}, {1, 2, 2}), steps, lengths);
  CHECK(rows.item<double>() == flat.item<double>());
}

TEST_CASE("Another class may be the blank") {
  const ts::Tensor x = uniform(), steps = whole({1}, {4}), length = whole({1}, {1});
  CHECK(ts::ctc_loss(x, whole({1, 1}, {0}), steps, length, {.blank = 2}).item<double>() == Approx(ts::ctc_loss(x, whole({1, 1}, {1}), steps, length).item<double>()));
}

TEST_CASE("A sequence that is too short has an infinite loss, or none") {
  const ts::Tensor x = uniform().requires_grad_(), labels = whole({1, 2}, {1, 1}), steps = whole({1}, {2}), length = whole({1}, {2});
  CHECK(std::isinf(ts::ctc_loss(x, labels, steps, length).item<double>()));  // equal labels need a blank between them
  const ts::Tensor loss = ts::ctc_loss(x, labels, steps, length, {.zero_infinity = true});
  CHECK(loss.item<double>() == 0);
  loss.backward();
  CHECK(to_host(x.grad()).values == std::vector<double>(12, 0));
}

TEST_CASE("Misuse of ctc_loss is explained") {
  const ts::Tensor x = to_tensor(HostArray(Shape{4, 1, 3}, -1), ts::f32), labels = whole({1, 2}, {1, 2}), steps = whole({1}, {4}), length = whole({1}, {2});
  const std::string tail = "\n  log_probs: f32[4, 1, 3] cpu   targets: i64[1, 2] cpu   input_lengths: i64[1] cpu   target_lengths: i64[1] cpu\n  called at <here>";
  expect_error([&] { ts::ctc_loss(x, whole({1, 2}, {1, 3}), steps, length); },
               "IndexError: ctc_loss\n  expected  0 <= label < 3 and not 0, the blank\n  actual    3 as label 1 of sequence 0" + tail);
  expect_error([&] { ts::ctc_loss(x, labels, whole({1}, {5}), length); }, "ValueError: ctc_loss\n  expected  0 <= length <= 4\n  actual    5 at input_lengths[0]" + tail);
  expect_error([&] { ts::ctc_loss(x, labels, steps, whole({1}, {3})); }, "ValueError: ctc_loss\n  expected  0 <= length <= 2\n  actual    3 at target_lengths[0]" + tail);
  expect_error([&] { ts::ctc_loss(x, labels, steps, length, {.blank = 3}); }, "ValueError: ctc_loss\n  expected  0 <= blank < 3\n  actual    3" + tail);
  expect_error([&] { ts::ctc_loss(x, labels, steps, labels); },
               "ShapeError: ctc_loss\n  expected  target_lengths of shape [1]\n  actual    [1, 2]\n"
               "  log_probs: f32[4, 1, 3] cpu   targets: i64[1, 2] cpu   input_lengths: i64[1] cpu   target_lengths: i64[1, 2] cpu\n  called at <here>");
}
