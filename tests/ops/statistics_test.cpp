// Of ops/aggregate.hpp: two statistics at once, and those that pass over NaN.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/ops/aggregate.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// f of each row of a matrix; several results where it returns several numbers.
template <class F>
auto by_row(F f) {
  return [=](const HostArrays& in) -> HostArrays {
    const std::int64_t rows = in[0].shape[0], n = in[0].shape[1];
    std::vector<HostArray> out;
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::vector<double> numbers = f(std::vector<double>(in[0].values.begin() + r * n, in[0].values.begin() + (r + 1) * n));
      out.resize(numbers.size(), HostArray(Shape{rows}));
      for (std::size_t k = 0; k < numbers.size(); ++k) out[k][r] = numbers[k];
    }
    return out;
  };
}

std::vector<double> mean_and_variance(const std::vector<double>& v) {
  double mean = 0, squares = 0;
  for (const double x : v) mean += x / static_cast<double>(v.size());
  for (const double x : v) squares += (x - mean) * (x - mean);
  return {squares / (static_cast<double>(v.size()) - 1), mean};
}
std::vector<double> mean_and_deviation(const std::vector<double>& v) {
  const std::vector<double> both = mean_and_variance(v);
  return {std::sqrt(both[0]), both[1]};
}
std::vector<double> extremes(const std::vector<double>& v) { return {*std::min_element(v.begin(), v.end()), *std::max_element(v.begin(), v.end())}; }

/// The sum of the numbers, and how many there are.
std::vector<double> sum_of_numbers(const std::vector<double>& v) {
  double sum = 0, count = 0;
  for (const double x : v)
    if (!std::isnan(x)) {
      sum += x;
      ++count;
    }
  return {sum, count};
}

Outputs both(const ts::Tensor& a, const ts::Tensor& b) { return std::vector<ts::Tensor>{a, b}; }

}  // namespace

OP_CASES(statistics) {
  return {
      {.op = "normalize",
       .inputs = {real({3, 4})},
       .forward = [](const Inputs& in) { return ts::normalize(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y = in[0];
         for (std::int64_t r = 0; r < y.shape[0]; ++r) {
           double squares = 0;
           for (std::int64_t i = 0; i < 4; ++i) squares += in[0].at({r, i}) * in[0].at({r, i});
           for (std::int64_t i = 0; i < 4; ++i) y.at({r, i}) /= std::sqrt(squares);
         }
         return y;
       },
       .more_shapes = {{{0, 4}}, {{70, 4}}},
       .slack = 4},
      {.op = "var_mean",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [var, mean] = ts::var_mean(in[0], 1);
         return both(var, mean);
       },
       .reference = by_row(mean_and_variance),
       .more_shapes = {{{1, 2}}, {{4, 70}}},
       .slack = 2},
      {.op = "std_mean",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [std, mean] = ts::std_mean(in[0], 1);
         return both(std, mean);
       },
       .reference = by_row(mean_and_deviation),
       .flags = no_expand,
       .more_shapes = {{{1, 2}}, {{4, 70}}},
       .slack = 2},
      {.op = "aminmax",
       .inputs = {distinct({3, 5})},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [min, max] = ts::aminmax(in[0], 1);
         return both(min, max);
       },
       .reference = by_row(extremes),
       .flags = no_expand,
       .more_shapes = {{{4, 1}}, {{2, 70}}}},
      {.op = "nansum",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::nansum(in[0], 1); },
       .reference = by_row([](const std::vector<double>& v) { return std::vector<double>{sum_of_numbers(v)[0]}; }),
       .flags = special_values | no_nan,
       .more_shapes = {{{4, 70}}},
       .slack = 2},
      {.op = "nanmean",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::nanmean(in[0], 1); },
       .reference = by_row([](const std::vector<double>& v) { return std::vector<double>{sum_of_numbers(v)[0] / sum_of_numbers(v)[1]}; }),
       .flags = special_values,
       .more_shapes = {{{4, 70}}},
       .slack = 2},
  };
}

TEST_CASE("Zeros are normalized to zeros, and all elements where no dims are named") {
  CHECK(to_host(ts::normalize(to_tensor({1, 2}, {0, 0}))).values == std::vector<double>{0, 0});
  const ts::Tensor x = to_tensor({2, 2}, {1, 2, 3, std::nan("")});
  CHECK(ts::nansum(x).item<float>() == 6);
  CHECK(ts::nanmean(x).item<float>() == 2);
  CHECK(ts::aminmax(to_tensor({3}, {2, -1, 5}, ts::i64)).max.item<std::int64_t>() == 5);
}

TEST_CASE("Misuse of statistics is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2}), n = x.to(ts::i64);
  const std::string floating = "\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2] cpu\n  called at <here>";
  expect_error([&] { ts::normalize(x); }, "IndexError: normalize\n  expected  -1 <= dim < 1 for a tensor of 1 dimensions\n  actual    dim = 1\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::normalize(n, {.dim = 0}); }, "DTypeError: normalize" + floating);
  expect_error([&] { ts::nansum(n); }, "DTypeError: nansum" + floating);
  expect_error([&] { ts::nanmean(n); }, "DTypeError: nanmean" + floating);
  expect_error([&] { ts::std_mean(n); }, "DTypeError: std_mean" + floating);
  expect_error([&] { ts::var_mean(x, 2); }, "IndexError: var_mean\n  expected  -1 <= dim < 1 for a tensor of 1 dimensions\n  actual    dim = 2\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::aminmax(x, 1); }, "IndexError: aminmax\n  expected  -1 <= dim < 1 for a tensor of 1 dimensions\n  actual    dim = 1\n  x: f32[2] cpu\n  called at <here>");
}
