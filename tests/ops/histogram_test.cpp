#include "tasuki/ops/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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
  return {{.op = "histc", .inputs = {real({5, 7}, -2.3, 2.3)}, .forward = [](const Inputs& in) { return ts::histc(in[0], 4, -2, 1.7); },
           .reference = counted(-2, 1.7, 4), .flags = no_gradient | no_nan, .more_shapes = {{{}}, {{0}}, {{3, 2, 67}}}}};
}

TEST_CASE("The range of the data is the default, its ends counted; NaN and infinities are nowhere") {
  const double inf = std::numeric_limits<double>::infinity();
  const ts::Tensor x = to_tensor({5}, {1, 2, 5, 3, 5});
  CHECK(to_host(ts::histc(x, 4)).values == std::vector<double>{1, 1, 1, 2});
  CHECK(to_host(ts::histc(to_tensor({3}, {2, 2, 2}), 2)).values == std::vector<double>{0, 3});
  CHECK(to_host(ts::histc(to_tensor({4}, {inf, -inf, std::nan(""), 0.5}), 2, 0, 1)).values == std::vector<double>{0, 1});
  CHECK(to_host(ts::histc(to_tensor({0}, {}), 2)).values == std::vector<double>{0, 0});
  CHECK(ts::histc(x.to(ts::bf16), 4).dtype() == ts::f32);
}

TEST_CASE("Misuse of histc is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2});
  expect_error([&] { ts::histc(x, 0); }, "ValueError: histc\n  expected  bins >= 1\n  actual    0 < 1\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::histc(x, 3, 2, 1); }, "ValueError: histc\n  expected  finite low <= high\n  actual    low = 2, high = 1\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::histc(x.to(ts::i64), 3); }, "DTypeError: histc\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2] cpu\n  called at <here>");
}
