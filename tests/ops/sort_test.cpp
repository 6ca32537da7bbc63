#include "tasuki/ops/sort.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {


/// NaN behind everything.
bool before(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

/// Replaces each line along `dim` by what f(line) returns: any number of results, of `size` elements each.
template <class F>
auto by_line(int dim, std::int64_t size, F f) {
  return [=](const HostArrays& in) -> HostArrays {
    const Shape& s = in[0].shape;
    const std::int64_t n = s.ndim() ? s[dim] : 1;
    std::int64_t inner = 1;
    for (int d = dim + 1; d < s.ndim(); ++d) inner *= s[d];
    Shape to = s;
    if (s.ndim() && size >= 0) to[dim] = size;
    const std::int64_t k = size < 0 ? n : size;
    std::vector<HostArray> out{HostArray(to), HostArray(to)};
    for (std::int64_t line = 0; line < (n ? in[0].numel() / n : 0); ++line) {
      std::vector<double> v(static_cast<std::size_t>(n));
      const std::int64_t start = line / inner * inner, offset = line % inner;
      for (std::int64_t i = 0; i < n; ++i) v[static_cast<std::size_t>(i)] = in[0][start * n + i * inner + offset];
      const auto [values, positions] = f(v);
      for (std::int64_t i = 0; i < k; ++i) {
        out[0][start * k + i * inner + offset] = values[static_cast<std::size_t>(i)];
        out[1][start * k + i * inner + offset] = positions[static_cast<std::size_t>(i)];
      }
    }
    return out;
  };
}

auto sorted(bool descending) {
  return [=](const std::vector<double>& v) {
    std::vector<double> positions(v.size()), values;
    std::iota(positions.begin(), positions.end(), 0);
    const auto at = [&](double i) { return v[static_cast<std::size_t>(i)]; };
    std::stable_sort(positions.begin(), positions.end(), [&](double a, double b) { return descending ? before(at(b), at(a)) : before(at(a), at(b)); });
    for (const double i : positions) values.push_back(at(i));
    return std::pair(values, positions);
  };
}
auto ranked(std::size_t rank) {
  return [=](const std::vector<double>& v) {
    const auto [values, positions] = sorted(false)(v);
    return std::pair(std::vector<double>{values[rank]}, std::vector<double>{positions[rank]});
  };
}
auto fraction(double q) {
  return [=](const std::vector<double>& v) {
    const std::vector<double> s = sorted(false)(v).first;
    const double at = q * (static_cast<double>(s.size()) - 1);
    const auto below = static_cast<std::size_t>(at);
    const double rest = at - std::floor(at), y = rest == 0 ? s[below] : s[below] + rest * (s[below + 1] - s[below]);
    return std::pair(std::vector<double>{std::isnan(s.back()) ? not_a_number : y}, std::vector<double>{0});
  };
}

/// The first result alone, without a dimension.
auto first_of(std::function<HostArrays(const HostArrays&)> f, int squeezed = -1) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray y = f(in)[0];
    if (squeezed >= 0) y.shape.erase(squeezed);
    return y;
  };
}

/// A quantile of rows of 6 at position 3.5 or 3.25 of 5, moved.
OpCase interpolated(ts::QuantileInterpolation interpolation, const char* variant, double (*moved)(double)) {
  const double q = interpolation == ts::QuantileInterpolation::nearest ? 0.65 : 0.7;
  return {.op = "quantile",
          .variant = variant,
          .inputs = {distinct({3, 6})},
          .forward = [=](const Inputs& in) { return ts::quantile(in[0], q, 1, false, interpolation); },
          .reference = first_of(by_line(1, 1, fraction(moved(q * 5) / 5)), 1),
          .flags = no_expand};
}

Outputs both(const ts::SortResult& r) { return std::vector<ts::Tensor>{r.values, r.indices}; }

}  // namespace

OP_CASES(sort) {
  return {
      {.op = "sort",
       .variant = "the last dim",
       .inputs = {distinct({3, 5})},
       .forward = [](const Inputs& in) { return both(ts::sort(in[0])); },
       .reference = by_line(1, -1, sorted(false)),
       .flags = special_values | no_expand,
       .more_shapes = {{{4, 70}}, {{2, 0}}, {{0, 2}}, {{3, 1}}}},
      {.op = "sort",
       .variant = "the first dim, descending",
       .inputs = {distinct({6, 2})},
       .forward = [](const Inputs& in) { return both(ts::sort(in[0], 0, true)); },
       .reference = by_line(0, -1, sorted(true)),
       .flags = special_values | no_expand,
       .more_shapes = {{{}}, {{150}}}},
      {.op = "argsort",
       .inputs = {real({4, 6})},
       .forward = [](const Inputs& in) { return ts::argsort(in[0], 1, true); },
       .reference = [](const HostArrays& in) -> HostArrays { return by_line(1, -1, sorted(true))(in)[1]; },
       .dtypes = {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_},
       .flags = no_gradient},
      {.op = "topk",
       .variant = "largest",
       .inputs = {distinct({3, 7})},
       .forward = [](const Inputs& in) { return both(ts::topk(in[0], 3)); },
       .reference = by_line(1, 3, sorted(true)),
       .flags = special_values | no_expand,
       .more_shapes = {{{5, 80}}, {{0, 3}}}},
      {.op = "topk",
       .variant = "smallest of the first dim",
       .inputs = {distinct({5, 3})},
       .forward = [](const Inputs& in) { return both(ts::topk(in[0], 2, 0, {.largest = false})); },
       .reference = by_line(0, 2, sorted(false)),
       .flags = no_nan | no_expand},
      {.op = "kthvalue",
       .inputs = {distinct({3, 6})},
       .forward = [](const Inputs& in) { return both(ts::kthvalue(in[0], 2, 1, true)); },
       .reference = by_line(1, 1, ranked(1)),
       .flags = no_nan | no_expand},
      {.op = "median",
       .variant = "of rows",
       .inputs = {distinct({3, 6})},
       .forward = [](const Inputs& in) { return both(ts::median(in[0], 1, true)); },
       .reference = by_line(1, 1, ranked(2)),
       .flags = no_expand,
       .more_shapes = {{{1, 5}}}},
      {.op = "median",
       .variant = "all",
       .inputs = {distinct({3, 3})},
       .forward = [](const Inputs& in) { return ts::median(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({}, sorted(false)(in[0].values).first[4]); },
       .flags = no_expand},
      {.op = "quantile",
       .variant = "between two",
       .inputs = {distinct({3, 6})},
       .forward = [](const Inputs& in) { return ts::quantile(in[0], 0.3, 1); },
       .reference = first_of(by_line(1, 1, fraction(0.3)), 1),
       .flags = special_values | no_expand,
       .more_shapes = {{{2, 1}}, {{4, 11}}}},
      {.op = "quantile",
       .variant = "several",
       .inputs = {distinct({5, 2})},
       .forward = [](const Inputs& in) { return ts::quantile(in[0], {0, 0.5, 0.9}, 0, true); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y({3, 1, 2});
         const double q[] = {0, 0.5, 0.9};
         for (int k = 0; k < 3; ++k) {
           const HostArray one = by_line(0, 1, fraction(q[k]))(in)[0];
           y[2 * k] = one[0];
           y[2 * k + 1] = one[1];
         }
         return y;
       },
       .flags = no_expand},
      interpolated(ts::QuantileInterpolation::lower, "the lower", [](double at) { return std::floor(at); }),
      interpolated(ts::QuantileInterpolation::higher, "the higher", [](double at) { return std::ceil(at); }),
      interpolated(ts::QuantileInterpolation::midpoint, "the middle", [](double at) { return std::floor(at) + 0.5; }),
      interpolated(ts::QuantileInterpolation::nearest, "the nearer", [](double at) { return std::round(at); }),
      {.op = "bucketize",
       .inputs = {real({3, 4}), {.shape = {5}, .lo = -1, .hi = 1}},
       .forward = [](const Inputs& in) { return ts::bucketize(in[0], ts::sort(in[1]).values, true); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(in[0].shape);
         for (std::int64_t i = 0; i < y.numel(); ++i)
           for (const double s : in[1].values) y[i] += s <= in[0][i];
         return y;
       },
       .dtypes = {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32},
       .flags = no_gradient | no_nan,
       .more_shapes = {{{7}, {200}}, {{2}, {0}}, {{0}, {3}}, {{}, {3}}}},
      {.op = "searchsorted",
       .inputs = {{.shape = {5}, .lo = -1, .hi = 1}, real({3, 4})},
       .forward = [](const Inputs& in) { return ts::searchsorted(ts::sort(in[0]).values, in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(in[1].shape);
         for (std::int64_t i = 0; i < y.numel(); ++i)
           for (const double s : in[0].values) y[i] += s < in[1][i];
         return y;
       },
       .dtypes = {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32},
       .flags = no_gradient | no_nan,
       .more_shapes = {{{200}, {7}}, {{0}, {2}}, {{3}, {0}}, {{3}, {}}}},
      {.op = "unique",
       .inputs = {{.shape = {3, 4}, .lo = 0, .hi = 5, .fill = Fill::integers}},
       .forward = [](const Inputs& in) -> Outputs {
         const auto [values, inverse, counts] = ts::unique(in[0]);
         return std::vector<ts::Tensor>{values, inverse, counts};
       },
       .reference = [](const HostArrays& in) -> HostArrays {
         std::vector<double> values = in[0].values;
         std::sort(values.begin(), values.end());
         values.erase(std::unique(values.begin(), values.end()), values.end());
         HostArray inverse(in[0].shape), counts(Shape(values.size()));
         for (std::int64_t i = 0; i < inverse.numel(); ++i) {
           inverse[i] = static_cast<double>(std::find(values.begin(), values.end(), in[0][i]) - values.begin());
           ++counts[static_cast<std::int64_t>(inverse[i])];
         }
         return std::vector<HostArray>{HostArray(counts.shape, values), inverse, counts};
       },
       .dtypes = {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8},
       .flags = no_gradient | no_nan,
       .more_shapes = {{{}}, {{0}}, {{200}}}},
  };
}

TEST_CASE("Equal elements keep their order, in long lines and short ones") {
  for (const std::int64_t n : {10, 1000}) {
    HostArray x(Shape{n});
    for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<double>(i % 3) * (i % 2 ? 0.0 : -0.0);
    for (const bool descending : {false, true}) {
      const std::vector<std::int64_t> order = ts::argsort(to_tensor(x, ts::f32), 0, descending).to_vector<std::int64_t>();
      CHECK(std::is_sorted(order.begin(), order.end()));
    }
  }
}

TEST_CASE("NaN is the largest, and infinities are in their places") {
  const ts::Tensor x = to_tensor({6}, {not_a_number, 1, -infinity, infinity, -1, 0});
  CHECK(ts::argsort(x).to_vector<std::int64_t>() == std::vector<std::int64_t>{2, 4, 5, 1, 3, 0});
  CHECK(ts::argsort(x, 0, true).to_vector<std::int64_t>() == std::vector<std::int64_t>{0, 3, 1, 5, 4, 2});
  CHECK(ts::topk(x, 2).indices.to_vector<std::int64_t>() == std::vector<std::int64_t>{0, 3});
  CHECK(std::isnan(ts::median(x).item<float>()));
  CHECK(ts::kthvalue(x, 1).values.item<float>() == -infinity);
}

TEST_CASE("Whole numbers are ordered over their whole range") {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
  const ts::Tensor x = ts::tensor({most, std::int64_t{0}, least, std::int64_t{-1}});
  CHECK(ts::sort(x).values.to_vector<std::int64_t>() == std::vector<std::int64_t>{least, -1, 0, most});
}

TEST_CASE("topk that need not be sorted has the same elements") {
  std::vector<std::int64_t> some = ts::topk(to_tensor({6}, {3, 9, 1, 7, 5, 8}), 3, 0, {.sorted = false}).indices.to_vector<std::int64_t>();
  std::sort(some.begin(), some.end());
  CHECK(some == std::vector<std::int64_t>{1, 3, 5});
}

TEST_CASE("searchsorted finds either side of equals, and a sequence for each row") {
  const ts::Tensor s = to_tensor({4}, {1, 2, 2, 5}), v = to_tensor({3}, {2, 0, 9});
  CHECK(ts::searchsorted(s, v).to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 0, 4});
  CHECK(ts::searchsorted(s, v, true).to_vector<std::int64_t>() == std::vector<std::int64_t>{3, 0, 4});
  const ts::Tensor rows = to_tensor({2, 2}, {1, 3, 10, 30}), wanted = to_tensor({2, 3}, {0, 2, 4, 0, 20, 40});
  CHECK(ts::searchsorted(rows, wanted).to_vector<std::int64_t>() == std::vector<std::int64_t>{0, 1, 2, 0, 1, 2});
}

TEST_CASE("Misuse of orders is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::string tail = "\n  x: f32[2, 3] cpu\n  called at <here>";
  expect_error([&] { ts::sort(x, 2); }, "IndexError: sort\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2" + tail);
  expect_error([&] { ts::topk(x, 4); }, "ValueError: topk\n  expected  0 <= k <= 3\n  actual    k = 4" + tail);
  expect_error([&] { ts::topk(x, -1); }, "ValueError: topk\n  expected  0 <= k <= 3\n  actual    k = -1" + tail);
  expect_error([&] { ts::kthvalue(x, 0); }, "ValueError: kthvalue\n  expected  1 <= k <= 3\n  actual    k = 0" + tail);
  expect_error([&] { ts::median(x.slice(1, 0, 0), 1); },
               "ShapeError: median\n  expected  at least one element along the dimension\n  actual    shape [2, 0]\n  x: f32[2, 0] cpu\n  called at <here>");
  expect_error([&] { ts::quantile(x, 1.5); }, "ValueError: quantile\n  expected  0 <= q <= 1\n  actual    q = 1.5\n  x: f32[6] cpu\n  called at <here>");
  expect_error([&] { ts::quantile(x.to(ts::i64), 0.5, 0); }, "DTypeError: quantile\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::searchsorted(x, x.to(ts::f64)); },
               "DTypeError: searchsorted\n  expected  values of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n  sequence: f32[2, 3] cpu   values: f64[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::searchsorted(x, to_tensor({3}, {1, 2, 3})); },
               "ShapeError: searchsorted\n  expected  a sequence for all values, or one for each of their rows\n  actual    shapes [2, 3] and [3]\n"
               "  sequence: f32[2, 3] cpu   values: f32[3] cpu\n  called at <here>");
}
