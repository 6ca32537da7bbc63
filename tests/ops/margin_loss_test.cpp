#include "tasuki/ops/margin_loss.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Reduction;
using ts::Shape;

namespace {

using Row = std::vector<double>;

/// Row r of a matrix (or of a vector, element r).
Row row_of(const HostArray& x, std::int64_t r) {
  const std::int64_t n = x.shape.ndim() < 2 ? 1 : x.shape.back();
  return Row(x.values.begin() + r * n, x.values.begin() + (r + 1) * n);
}

/// f of each sample's rows.
template <class F>
auto by_sample(F f) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray y(Shape{in[0].shape[0]});
    for (std::int64_t r = 0; r < y.numel(); ++r) {
      std::vector<Row> rows;
      for (const HostArray& x : in) rows.push_back(row_of(x, r));
      y[r] = f(rows);
    }
    return y;
  };
}
auto averaged(std::function<HostArrays(const HostArrays&)> f) {
  return [=](const HostArrays& in) -> HostArrays {
    const HostArray y = f(in)[0];
    return HostArray({}, std::accumulate(y.values.begin(), y.values.end(), 0.0) / static_cast<double>(y.numel()));
  };
}

double dot(const Row& a, const Row& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }
double cosine(const Row& a, const Row& b) { return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)); }
double distance(const Row& a, const Row& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i] + 1e-6) * (a[i] - b[i] + 1e-6);
  return std::sqrt(sum);
}

/// Targets of 1 and of -1 do not meet in one test: nothing near a kink.
Input targets(const Shape& shape, double value) { return {.shape = shape, .lo = value, .hi = value, .differentiable = false}; }

/// Two labels, one, and none.
const double lists[3][4] = {{3, 0, -1, 2}, {1, -1, -1, -1}, {-1, 1, 2, 3}};
ts::Tensor label_lists() { return to_tensor(HostArray({3, 4}, std::vector<double>(&lists[0][0], &lists[0][0] + 12)), ts::i64); }
HostArrays multilabel_margins(const HostArrays& in) {
  const std::vector<int> labels[] = {{3, 0}, {1}, {}};
  HostArray y(Shape{3});
  for (std::int64_t r = 0; r < 3; ++r) {
    const std::vector<int>& of_row = labels[r];
    for (const int l : of_row)
      for (int c = 0; c < 4; ++c)
        if (std::find(of_row.begin(), of_row.end(), c) == of_row.end()) y[r] += std::max(0.0, 1 - in[0].at({r, l}) + in[0].at({r, c})) / 4;
  }
  return y;
}

}  // namespace

OP_CASES(margin_loss) {
  return {
      {.op = "cosine_similarity",
       .inputs = {real({3, 4}), real({3, 4})},
       .forward = [](const Inputs& in) { return ts::cosine_similarity(in[0], in[1]); },
       .reference = by_sample([](const std::vector<Row>& x) { return cosine(x[0], x[1]); }),
       .slack = 4},
      {.op = "pairwise_distance",
       .inputs = {real({3, 4}), real({3, 4})},
       .forward = [](const Inputs& in) { return ts::pairwise_distance(in[0], in[1]); },
       .reference = by_sample([](const std::vector<Row>& x) { return distance(x[0], x[1]); }),
       .slack = 4},
      {.op = "cosine_embedding_loss",
       .variant = "alike",
       .inputs = {real({3, 4}), real({3, 4}), targets({3}, 1)},
       .forward = [](const Inputs& in) { return ts::cosine_embedding_loss(in[0], in[1], in[2]); },
       .reference = averaged(by_sample([](const std::vector<Row>& x) { return 1 - cosine(x[0], x[1]); })),
       .slack = 4},
      {.op = "cosine_embedding_loss",
       .variant = "unlike",
       .inputs = {real({3, 4}), real({3, 4}), targets({3}, -1)},
       .forward = [](const Inputs& in) { return ts::cosine_embedding_loss(in[0], in[1], in[2], {.margin = -1.5, .reduction = Reduction::none}); },
       .reference = by_sample([](const std::vector<Row>& x) { return cosine(x[0], x[1]) + 1.5; }),
       .flags = no_nan,
       .slack = 4},
      {.op = "triplet_margin_loss",
       .inputs = {real({3, 4}), real({3, 4}), real({3, 4})},
       .forward = [](const Inputs& in) { return ts::triplet_margin_loss(in[0], in[1], in[2], {.margin = 9}); },
       .reference = averaged(by_sample([](const std::vector<Row>& x) { return distance(x[0], x[1]) - distance(x[0], x[2]) + 9; })),
       .slack = 4},
      {.op = "triplet_margin_loss",
       .variant = "with the nearer distance",
       .inputs = {real({3, 4}, -1, 0), real({3, 4}, 1, 2), real({3, 4}, 3, 4)},  // the positive is the nearer one
       .forward = [](const Inputs& in) { return ts::triplet_margin_loss(in[0], in[1], in[2], {.margin = 20, .swap = true, .reduction = Reduction::sum}); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArrays y = averaged(by_sample([](const std::vector<Row>& x) { return distance(x[0], x[1]) - std::min(distance(x[0], x[2]), distance(x[1], x[2])) + 20; }))(in);
         y[0][0] *= 3;
         return y;
       },
       .slack = 4},
      {.op = "triplet_margin_with_distance_loss",
       .inputs = {real({3, 4}), real({3, 4}), real({3, 4})},
       .forward = [](const Inputs& in) {
         const auto apart = [](const ts::Tensor& a, const ts::Tensor& b) { return ts::pairwise_distance(a, b); };
         return ts::triplet_margin_with_distance_loss(in[0], in[1], in[2], apart, {.margin = 9});
       },
       .reference = averaged(by_sample([](const std::vector<Row>& x) { return distance(x[0], x[1]) - distance(x[0], x[2]) + 9; })),
       .slack = 4},
      {.op = "margin_ranking_loss",
       .inputs = {real({5}), real({5}), targets({5}, -1)},
       .forward = [](const Inputs& in) { return ts::margin_ranking_loss(in[0], in[1], in[2], {.margin = 5}); },
       .reference = averaged(by_sample([](const std::vector<Row>& x) { return x[0][0] - x[1][0] + 5; })),
       .more_shapes = {{{70}, {70}, {70}}}},
      {.op = "multi_margin_loss",
       .inputs = {real({3, 5}), indices({3}, 0, 4)},
       .forward = [](const Inputs& in) { return ts::multi_margin_loss(in[0], in[1], {.margin = 5}); },
       .reference = averaged(by_sample([](const std::vector<Row>& x) {
         double sum = 0;
         for (const double v : x[0]) sum += std::max(0.0, 5 - x[0][static_cast<std::size_t>(x[1][0])] + v);
         return (sum - 5) / 5;
       })),
       .slack = 4},
      {.op = "multi_margin_loss",
       .variant = "squared",
       .inputs = {real({2, 4}), indices({2}, 0, 3)},
       .forward = [](const Inputs& in) { return ts::multi_margin_loss(in[0], in[1], {.p = 2, .margin = 5, .reduction = Reduction::none}); },
       .reference = by_sample([](const std::vector<Row>& x) {
         double sum = -25;
         for (const double v : x[0]) sum += std::pow(std::max(0.0, 5 - x[0][static_cast<std::size_t>(x[1][0])] + v), 2);
         return sum / 4;
       }),
       .flags = no_nan,
       .slack = 8},
      {.op = "multilabel_margin_loss",
       .inputs = {distinct({3, 4}, -0.9, 0.9)},
       .forward = [](const Inputs& in) { return ts::multilabel_margin_loss(in[0], label_lists()); },
       .reference = averaged(multilabel_margins),
       .slack = 4},
      {.op = "multilabel_margin_loss",
       .variant = "of each sample",
       .inputs = {distinct({3, 4}, -0.9, 0.9)},
       .forward = [](const Inputs& in) { return ts::multilabel_margin_loss(in[0], label_lists().to(ts::i32), Reduction::none); },
       .reference = multilabel_margins,
       .flags = no_nan,
       .slack = 4},
      {.op = "multilabel_soft_margin_loss",
       .inputs = {real({3, 4}), real({3, 4}, 0, 1)},
       .forward = [](const Inputs& in) { return ts::multilabel_soft_margin_loss(in[0], in[1]); },
       .reference = averaged(by_sample([](const std::vector<Row>& x) {
         double sum = 0;
         for (std::size_t i = 0; i < x[0].size(); ++i) sum += std::log(1 + std::exp(x[0][i])) - x[1][i] * x[0][i];
         return sum / static_cast<double>(x[0].size());
       })),
       .slack = 4},
      {.op = "dice_loss",
       .inputs = {real({2, 1, 3, 2}, 0, 1), real({2, 1, 3, 2}, 0, 1)},
       .forward = [](const Inputs& in) { return ts::dice_loss(in[0], in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         double loss = 0;
         for (std::int64_t n = 0; n < 2; ++n) {
           double overlap = 0, both = 0;
           for (std::int64_t i = 6 * n; i < 6 * n + 6; ++i) {
             overlap += in[0][i] * in[1][i];
             both += in[0][i] + in[1][i];
           }
           loss += (1 - (2 * overlap + 1) / (both + 1)) / 2;
         }
         return HostArray({}, loss);
       },
       .slack = 8},
  };
}

TEST_CASE("Samples that are far enough apart cost nothing") {
  const ts::Tensor a = to_tensor({1, 2}, {0, 0}), near = to_tensor({1, 2}, {1, 0}), far = to_tensor({1, 2}, {0, 9});
  CHECK(ts::triplet_margin_loss(a, near, far).item<float>() == 0);
  CHECK(ts::margin_ranking_loss(to_tensor({1}, {3}), to_tensor({1}, {1}), to_tensor({1}, {1}), {.margin = 1}).item<float>() == 0);
  CHECK(ts::multi_margin_loss(to_tensor({2}, {5, 1}), to_tensor({}, {0}, ts::i64)).item<float>() == 0);
  CHECK(ts::multilabel_margin_loss(to_tensor({3}, {1, 5, 6}), to_tensor({3}, {2, 1, -1}, ts::i64)).item<float>() == 0);
  CHECK(ts::cosine_embedding_loss(to_tensor({2}, {1, 0}), to_tensor({2}, {0, 1}), to_tensor({}, {-1}), {.margin = 0.5}).item<float>() == 0);
}

TEST_CASE("Misuse of margin losses is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), t = to_tensor({2}, {1, -1});
  expect_error([&] { ts::cosine_embedding_loss(x, x, x); },
               "ShapeError: cosine_embedding_loss\n  expected  target of shape [2]\n  actual    [2, 3]\n  x1: f32[2, 3] cpu   x2: f32[2, 3] cpu   target: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::cosine_similarity(x, x, {.dim = 2}); },
               "IndexError: cosine_similarity\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x1: f32[2, 3] cpu   x2: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::pairwise_distance(x, x.to(ts::f64)); },
               "DTypeError: pairwise_distance\n  expected  x2 of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n  x1: f32[2, 3] cpu   x2: f64[2, 3] cpu\n  called at <here>");
  const auto apart = [](const ts::Tensor& a, const ts::Tensor& b) { return ts::pairwise_distance(a, b); };
  const std::string half = "DTypeError: triplet_margin_with_distance_loss\n  expected  negative of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n";
  expect_error([&] { ts::triplet_margin_with_distance_loss(x, x, x.to(ts::f64), apart); },
               half + "  anchor: f32[2, 3] cpu   positive: f32[2, 3] cpu   negative: f64[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::margin_ranking_loss(t, t, x); },
               "ShapeError: margin_ranking_loss\n  expected  target of shape [2]\n  actual    [2, 3]\n  x1: f32[2] cpu   x2: f32[2] cpu   target: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::multi_margin_loss(x, to_tensor({2}, {0, 3}, ts::i64), {.p = 3}); },
               "ValueError: multi_margin_loss\n  expected  p of 1 or 2\n  actual    3\n  x: f32[2, 3] cpu   labels: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::multilabel_margin_loss(x, t.to(ts::i64)); },
               "ShapeError: multilabel_margin_loss\n  expected  labels of shape [2, 3]\n  actual    [2]\n  x: f32[2, 3] cpu   labels: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::multilabel_margin_loss(x, to_tensor({2, 3}, {0, -1, -1, 2, 3, -1}, ts::i64)); },
               "IndexError: multilabel_margin_loss\n  expected  0 <= label < 3, or -1 to ignore\n  actual    3 at labels[1, 1]\n  x: f32[2, 3] cpu   labels: i64[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::dice_loss(x, x); },
               "ShapeError: dice_loss\n  expected  x.ndim() >= 3\n  actual    2 < 3\n  [samples, classes, ...]\n  x: f32[2, 3] cpu   target: f32[2, 3] cpu\n  called at <here>");
}
