#include "tasuki/ops/reduce.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/reduce.hpp"
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"
#include "tests/support/reduced.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {


double total(const std::vector<double>& v) {
  long double sum = 0;
  for (const double x : v) sum += x;
  return static_cast<double>(sum);
}
double average(const std::vector<double>& v) { return v.empty() ? not_a_number : total(v) / static_cast<double>(v.size()); }
auto variance(int correction) {
  return [=](const std::vector<double>& v) {
    long double sum = 0;
    const double m = average(v);
    for (const double x : v) sum += (x - m) * (x - m);
    const auto n = static_cast<double>(v.size()) - correction;
    return n > 0 ? static_cast<double>(sum) / n : not_a_number;
  };
}
template <bool Max>
double extreme(const std::vector<double>& v) {
  double best = v[0];
  for (const double x : v)
    if (std::isnan(x) || (!std::isnan(best) && (Max ? x > best : x < best))) best = x;
  return best;
}
template <bool Max>
double position_of_extreme(const std::vector<double>& v) {
  const double best = extreme<Max>(v);
  for (std::size_t i = 0; i < v.size(); ++i)
    if (v[i] == best || (std::isnan(v[i]) && std::isnan(best))) return static_cast<double>(i);
  return -1;
}

}  // namespace

OP_CASES(reduce) {
  return {
      {.op = "sum",
       .variant = "all",
       .inputs = {real({3, 4})},
       .forward = [](const Inputs& in) { return ts::sum(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({}, total(in[0].values)); },
       .flags = special_values,
       .more_shapes = {{{}}, {{0}}, {{2, 0, 3}}, {{1, 1}}, {{2, 3, 5, 7}}}},
      {.op = "sum",
       .variant = "the last dim",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::sum(in[0], {-1}); },
       .reference = reduced(0b10, false, total),
       .flags = special_values,
       .more_shapes = {{{4, 67}}, {{0, 3}}, {{3, 0}}}},
      {.op = "sum",
       .variant = "the first dim",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::sum(in[0], 0, true); },
       .reference = reduced(0b01, true, total),
       .flags = special_values,
       .more_shapes = {{{7, 9}}, {{0, 3}}, {{3, 0}}}},
      {.op = "sum",
       .variant = "all but the channels",
       .inputs = {real({2, 9, 3, 2})},
       .forward = [](const Inputs& in) { return ts::sum(in[0], {0, 2, 3}); },
       .reference = reduced(0b1101, false, total)},
      {.op = "sum_to",
       .inputs = {real({2, 3, 4})},
       .forward = [](const Inputs& in) { return ts::sum_to(in[0], {3, 1}); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArrays out = reduced(0b101, true, total)(in);
         out[0].shape = {3, 1};
         return out;
       }},
      {.op = "mean",
       .variant = "all",
       .inputs = {real({3, 4})},
       .forward = [](const Inputs& in) { return ts::mean(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({}, average(in[0].values)); },
       .flags = special_values,
       .more_shapes = {{{}}, {{0, 2}}, {{5, 13}}}},
      {.op = "mean",
       .variant = "two dims",
       .inputs = {real({3, 4, 5})},
       .forward = [](const Inputs& in) { return ts::mean(in[0], {0, -1}); },
       .reference = reduced(0b101, false, average),
       .flags = special_values},
      {.op = "var",
       .variant = "one dim",
       .inputs = {real({3, 6})},
       .forward = [](const Inputs& in) { return ts::var(in[0], 1); },
       .reference = reduced(0b10, false, variance(1)),
       .flags = no_nan,
       .slack = 8},
      {.op = "var",
       .variant = "of the whole population",
       .inputs = {real({3, 9})},
       .forward = [](const Inputs& in) { return ts::var(in[0], 0, {.correction = 0, .keepdim = true}); },
       .reference = reduced(0b01, true, variance(0)),
       .flags = no_nan,
       .slack = 8},
      {.op = "max",
       .variant = "all",
       .inputs = {distinct({3, 4})},
       .forward = [](const Inputs& in) { return ts::max(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({}, extreme<true>(in[0].values)); },
       .flags = special_values | no_expand},
      {.op = "min",
       .variant = "all",
       .inputs = {distinct({3, 4})},
       .forward = [](const Inputs& in) { return ts::min(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({}, extreme<false>(in[0].values)); },
       .flags = special_values | no_expand},
      {.op = "amax",
       .inputs = {distinct({3, 4, 5})},
       .forward = [](const Inputs& in) { return ts::amax(in[0], {0, -1}); },
       .reference = reduced(0b101, false, extreme<true>),
       .flags = special_values | no_expand,
       .more_shapes = {{{2, 0, 3}}, {{1, 6, 1}}}},
      {.op = "amin",
       .inputs = {distinct({3, 4, 5})},
       .forward = [](const Inputs& in) { return ts::amin(in[0], {1, 2}, true); },
       .reference = reduced(0b110, true, extreme<false>),
       .flags = special_values | no_expand},
      {.op = "argmax",
       .inputs = {distinct({4, 5})},
       .forward = [](const Inputs& in) { return ts::argmax(in[0], 1); },
       .reference = reduced(0b10, false, position_of_extreme<true>),
       .flags = no_gradient | special_values},
      {.op = "argmin",
       .inputs = {distinct({4, 5})},
       .forward = [](const Inputs& in) { return ts::argmin(in[0], 0, true); },
       .reference = reduced(0b01, true, position_of_extreme<false>),
       .flags = no_gradient | special_values},
  };
}

TEST_CASE("second derivatives of the mean and variance of nothing are zero") {
  const ts::Tensor x = ts::zeros({0, 3}, {.dtype = ts::f64, .requires_grad = true});
  for (const auto& reduce : {+[](const ts::Tensor& t) { return ts::mean(t); }, +[](const ts::Tensor& t) { return ts::var(t); }}) {
    const ts::Tensor cotangent = to_tensor(ts::Shape{}, {2}, ts::f64).requires_grad_();
    ts::grad({reduce(x)}, {x}, {.create_graph = true, .grad_outputs = {cotangent}})[0].sum().backward();
    CHECK(cotangent.grad().item<double>() == 0);
  }
}

TEST_CASE("The sum of whole numbers is an exact i64") {
  const ts::Tensor bytes = to_tensor({3, 2}, {255, 255, 255, 255, 255, 3}, ts::u8);
  CHECK(ts::sum(bytes).dtype() == ts::i64);
  CHECK(ts::sum(bytes).item<std::int64_t>() == 5 * 255 + 3);
  CHECK(ts::sum(to_tensor({3}, {1, 0, 1}, ts::bool_)).item<std::int64_t>() == 2);
  CHECK(ts::sum(to_tensor({2, 2}, {1, 2, 3, -4}, ts::i32), {0}).to_vector<std::int64_t>() == std::vector<std::int64_t>{4, -2});
}

TEST_CASE("Equal largest elements share the gradient of max in equal parts") {
  const ts::Tensor x = to_tensor({5}, {1, 7, 7, 0, 7}, ts::f64).requires_grad_();
  ts::max(x).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{0, 1.0 / 3, 1.0 / 3, 0, 1.0 / 3});
}

TEST_CASE("max along a dimension gives values and indices, and its gradient goes to the first of equals") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 5, 5, 9, 2, 3}, ts::f64).requires_grad_();
  const auto [values, indices] = ts::max(x, 1);
  CHECK(values.to_vector<double>() == std::vector<double>{5, 9});
  CHECK(indices.to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 0});
  values.sum().backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{0, 1, 0, 1, 0, 0});
}

TEST_CASE("A long f32 sum keeps f32's precision, in rows, in columns and strided") {
  const std::int64_t n = 3'000'001;
  HostArray values(Shape{n});
  long double exact = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    values[i] = rounded_to(0.1 + 1e-3 * std::sin(static_cast<double>(i)), ts::f32);
    exact += values[i];
  }
  const ts::Tensor x = to_tensor(values, ts::f32);
  CHECK(ts::sum(x).item<double>() == Approx(static_cast<double>(exact)).epsilon(1e-7));
  const ts::Tensor columns = x.slice(0, 0, 3'000'000).reshape({300'000, 10});
  double sum = 0;
  for (const float v : ts::sum(columns, {0}).to_vector<float>()) sum += v;
  CHECK(sum == Approx(static_cast<double>(exact - values[n - 1])).epsilon(1e-6));
}

TEST_CASE("Sums have the same bits for any number of threads") {
  HostArray values(Shape{300, 700});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(i) * 0.7);
  const ts::Tensor x = to_tensor(values, ts::f32);
  const int threads = ts::num_threads();
  const auto all = [&] { return bytes_of(ts::sum(x)) + bytes_of(ts::sum(x, {0})) + bytes_of(ts::sum(x, {1})) + bytes_of(ts::var(x, 0)) + bytes_of(ts::sum(x.t(), {0})); };
  ts::set_num_threads(1);
  const std::string alone = all();
  for (const int count : {2, 3, 7}) {
    ts::set_num_threads(count);
    CHECK(all() == alone);
  }
  ts::set_num_threads(threads);
}

TEST_CASE("Misuse of reductions is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), whole = to_tensor({2}, {1, 2}, ts::i64), none = to_tensor(HostArray(Shape{0, 3}), ts::f32);
  expect_error([&] { ts::sum(x, {2}); },
               "IndexError: sum\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::mean(x, {0, -2}); }, "IndexError: mean\n  expected  each dimension once\n  actual    dims = [0, -2]\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::mean(whole); },
               "DTypeError: mean\n  expected  a floating dtype\n  actual    i64\n  mean divides; cast with .to(ts::f32) first\n  x: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::max(none); },
               "ShapeError: max\n  expected  elements > 0\n  actual    0 <= 0\n  nothing has no largest or smallest element\n  x: f32[0, 3] cpu\n  called at <here>");
  expect_error([&] { ts::argmax(none, 0); },
               "ShapeError: argmax\n  expected  at least one element along the reduced dimensions\n  actual    shape [0, 3]\n  x: f32[0, 3] cpu\n  called at <here>");
  expect_error([&] { ts::sum_to(x, {4}); },
               "ShapeError: sum_to\n  expected  a shape that broadcasts to [2, 3]\n  actual    [4]\n  x: f32[2, 3] cpu\n  called at <here>");
}
