#include "tasuki/ops/nll_loss.hpp"

#include <cmath>
#include <limits>

#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Reduction;
using ts::Shape;

namespace {

/// in: log-probabilities [N, C, ...], labels and, if any, weights.
auto defined_loss(Reduction reduction, std::int64_t ignore = -100) {
  return [=](const HostArrays& in) -> HostArrays {
    const Shape& s = in[0].shape;
    const std::int64_t classes = s[s.ndim() == 1 ? 0 : 1];
    std::int64_t inner = 1;
    for (int d = 2; d < s.ndim(); ++d) inner *= s[d];
    HostArray losses(in[1].shape);
    double sum = 0, total = 0;
    for (std::int64_t i = 0; i < losses.numel(); ++i) {
      const auto label = static_cast<std::int64_t>(in[1][i]);
      if (label == ignore) continue;
      const double w = in.size() > 2 ? in[2][label] : 1;
      sum += losses[i] = -w * in[0][(i / inner * classes + label) * inner + i % inner];
      total += w;
    }
    if (reduction == Reduction::none) return losses;
    return HostArray({}, reduction == Reduction::sum ? sum : sum / total);
  };
}

std::function<Outputs(const Inputs&)> nll_with(ts::NllLossOptions o) {
  return [o](const Inputs& in) {
    ts::NllLossOptions options = o;
    if (in.size() > 2) options.weight = in[2];
    return ts::nll_loss(in[0], in[1], options);
  };
}

}  // namespace

OP_CASES(nll_loss) {
  return {
      {.op = "nll_loss",
       .variant = "mean",
       .inputs = {real({4, 5}), indices({4}, 0, 4)},
       .forward = nll_with({}),
       .reference = defined_loss(Reduction::mean),
       .more_shapes = {{{5}, {}}}},
      {.op = "nll_loss",
       .variant = "images, weights, some ignored",
       .inputs = {real({2, 3, 2, 2}), indices({2, 2, 2}, 0, 2, ts::i32), constant({3}, 0.25, 2)},
       .forward = nll_with({.ignore_index = 1}),
       .reference = defined_loss(Reduction::mean, 1)},
      {.op = "nll_loss",
       .variant = "sum",
       .inputs = {real({3, 4}), indices({3}, 0, 3)},
       .forward = nll_with({.reduction = Reduction::sum}),
       .reference = defined_loss(Reduction::sum),
       .more_shapes = {{{0, 4}, {0}}}},
      {.op = "nll_loss",
       .variant = "none",
       .inputs = {real({3, 4}), indices({3}, 0, 3)},
       .forward = nll_with({.reduction = Reduction::none}),
       .reference = defined_loss(Reduction::none)},
  };
}

TEST_CASE("nll_loss of log_softmax is cross_entropy") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 4, -1, 0, 3}), t = to_tensor({2}, {2, 0}, ts::i64);
  CHECK(ts::nll_loss(ts::log_softmax(x, 1), t).item<float>() == Approx(ts::cross_entropy(x, t).item<float>()));
}

TEST_CASE("nll_loss looks at the label's entry alone") {
  const ts::Tensor x = to_tensor({1, 3}, {-infinity, -0.5, -infinity});
  CHECK(ts::nll_loss(x, to_tensor({1}, {1}, ts::i64)).item<float>() == 0.5f);
}
