#include "tasuki/ops/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tasuki/ops/view.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

OP_CASES(histogram) {
  const auto counted = [](double low, double high, std::int64_t bins) {
    return [=](const HostArrays& in) -> HostArrays {
      HostArray counts(ts::Shape{bins});
      for (const double v : in[0].values)
        if (v >= low && v <= high) ++counts[std::min<std::int64_t>(static_cast<std::int64_t>((v - low) / (high - low) * static_cast<double>(bins)), bins - 1)];
      return counts;
    };
  };
  const auto between = [](const HostArray& x, const std::vector<double>& edges, const std::function<double(std::int64_t)>& weight) {
    HostArray sums(ts::Shape(edges.size() - 1));
    for (std::int64_t i = 0; i < x.numel(); ++i)
      for (std::int64_t k = 0; k < sums.numel(); ++k) {
        const auto at = static_cast<std::size_t>(k);
        if (x[i] >= edges[at] && (x[i] < edges[at + 1] || (k == sums.numel() - 1 && x[i] == edges[at + 1]))) sums[k] += weight(i);
      }
    return sums;
  };
  return {{.op = "histogram", .inputs = {{.shape = {5, 7}, .lo = -3, .hi = 3, .fill = Fill::integers}},
           .forward = [](const Inputs& in) { return ts::histogram(in[0], 4, {.low = -2, .high = 2}).hist; },
           .reference = [=](const HostArrays& in) -> HostArrays { return between(in[0], {-2, -1, 0, 1, 2}, [](std::int64_t) { return 1.0; }); },
           .flags = no_gradient | no_nan, .more_shapes = {{{}}, {{0}}, {{3, 67}}}},
          {.op = "histogram", .variant = "of weights, between edges",
           .inputs = {{.shape = {12}, .lo = -3, .hi = 3, .fill = Fill::integers}, {.shape = {12}, .lo = 0, .hi = 4, .fill = Fill::integers}},
           .forward = [](const Inputs& in) { return ts::histogram(in[0], to_tensor({3}, {-2, 1, 3}, in[0].dtype()), {.weight = in[1]}).hist; },
           .reference = [=](const HostArrays& in) -> HostArrays { return between(in[0], {-2, 1, 3}, [&](std::int64_t i) { return in[1][i]; }); },
           .flags = no_gradient | no_nan},
          {.op = "bincount", .inputs = {indices({9}, 0, 4)}, .forward = [](const Inputs& in) { return ts::bincount(in[0], {}, 6); },
           .reference = [](const HostArrays& in) -> HostArrays {
             HostArray counts(ts::Shape{6});
             for (const double v : in[0].values) ++counts[static_cast<std::int64_t>(v)];
             return counts;
           },
           .dtypes = {ts::i64, ts::i32}, .flags = no_gradient | no_nan, .more_shapes = {{{0}}, {{200}}}},
          {.op = "bincount", .variant = "of weights", .inputs = {indices({9}, 4, 4), constant({9}, 0.5, 2)}, .forward = [](const Inputs& in) { return ts::bincount(in[0], in[1]); },
           .reference = [](const HostArrays& in) -> HostArrays {
             HostArray sums(ts::Shape{5});
             for (const double v : in[1].values) sums[4] += v;
             return sums;
           },
           .flags = no_gradient | no_nan, .slack = 2},
          {.op = "histc", .inputs = {real({5, 7}, -2.3, 2.3)}, .forward = [](const Inputs& in) { return ts::histc(in[0], 4, -2, 1.7); },
           .reference = counted(-2, 1.7, 4), .flags = no_gradient | no_nan, .more_shapes = {{{}}, {{0}}, {{3, 2, 67}}}}};
}

TEST_CASE("The range of the data is the default, its ends counted; NaN and infinities are nowhere") {
  const ts::Tensor x = to_tensor({5}, {1, 2, 5, 3, 5});
  CHECK(to_host(ts::histc(x, 4)).values == std::vector<double>{1, 1, 1, 2});
  CHECK(to_host(ts::histc(to_tensor({3}, {2, 2, 2}), 2)).values == std::vector<double>{0, 3});
  CHECK(to_host(ts::histc(to_tensor({4}, {infinity, -infinity, std::nan(""), 0.5}), 2, 0, 1)).values == std::vector<double>{0, 1});
  CHECK(to_host(ts::histc(to_tensor({0}, {}), 2)).values == std::vector<double>{0, 0});
  CHECK(ts::histc(x.to(ts::bf16), 4).dtype() == ts::f32);
}

TEST_CASE("A histogram's density integrates to 1 over its edges, which the data sets where nobody else does") {
  const ts::HistogramResult r = ts::histogram(to_tensor({4}, {1, 1, 2, 5}), 2, {.density = true});
  CHECK(to_host(r.edges).values == std::vector<double>{1, 3, 5});
  CHECK(to_host(r.hist).values == std::vector<double>{0.375, 0.125});
  CHECK(to_host(ts::histogram(to_tensor({2}, {2, std::nan("")}), to_tensor({2}, {0, 3})).hist).values == std::vector<double>{1});
  CHECK(to_host(ts::bincount(to_tensor({0}, {}, ts::i64))).values.empty());
}

TEST_CASE("Misuse of histograms is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2}), n = x.to(ts::i64);
  const std::string of_x = "\n  x: f32[2] cpu\n  called at <here>", of_n = "\n  x: i64[2] cpu\n  called at <here>";
  expect_error([&] { ts::histogram(x, 0); }, "ValueError: histogram\n  expected  bins >= 1\n  actual    0 < 1" + of_x);
  expect_error([&] { ts::histogram(n); }, "DTypeError: histogram\n  expected  x of a floating dtype\n  actual    i64" + of_n);
  expect_error([&] { ts::histogram(x, x, {.weight = x[0]}); }, "ShapeError: histogram\n  expected  weight of shape [2]\n  actual    []" + of_x);
  expect_error([&] { ts::histogram(x, to_tensor({1}, {1})); }, "ShapeError: histogram\n  expected  edges.numel() >= 2\n  actual    1 < 2" + of_x);
  expect_error([&] { ts::bincount(x); }, "DTypeError: bincount\n  expected  x of dtype i64 or i32\n  actual    f32" + of_x);
  expect_error([&] { ts::bincount(to_tensor({2}, {1, -1}, ts::i64)); }, "IndexError: bincount\n  expected  x of at least 0\n  actual    a negative one" + of_n);
}

TEST_CASE("Misuse of histc is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2});
  expect_error([&] { ts::histc(x, 0); }, "ValueError: histc\n  expected  bins >= 1\n  actual    0 < 1\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::histc(x, 3, 2, 1); }, "ValueError: histc\n  expected  finite low <= high\n  actual    low = 2, high = 1\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::histc(x.to(ts::i64), 3); }, "DTypeError: histc\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2] cpu\n  called at <here>");
}
