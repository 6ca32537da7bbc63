#include "tasuki/ops/feature_dropout.hpp"

#include <cmath>

#include "tasuki/tensor/random.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

using Op = ts::Tensor (*)(const ts::Tensor&, double, bool, ts::SourceLocation);

OpCase dropout_case(const std::string& name, Op op, const Shape& shape, std::vector<std::vector<Shape>> more) {
  return {.op = name,
          .inputs = {real(shape)},
          .forward = [=](const Inputs& in) { return op(in[0], 0.5, true, ts::SourceLocation::current()); },
          .flags = no_nan,
          .more_shapes = std::move(more),
          .before = [] { ts::manual_seed(3); }};
}

}  // namespace

OP_CASES(feature_dropout) {
  return {
      dropout_case("feature_dropout", ts::feature_dropout, {4, 5, 3}, {{{3, 4}}, {{2, 3, 2, 2}}, {{0, 3, 2}}}),
      dropout_case("drop_path", ts::drop_path, {7, 3}, {{{5}}, {{6, 2, 2}}, {{0, 2}}}),
      dropout_case("alpha_dropout", ts::alpha_dropout, {4, 5}, {{{}}, {{70}}, {{0, 2}}}),
  };
}

TEST_CASE("Channels and samples go as a whole, and the others are scaled") {
  ts::manual_seed(1);
  const HostArray y = to_host(ts::feature_dropout(to_tensor(HostArray(Shape{40, 10, 6}, 1), ts::f32), 0.25));
  double kept = 0;
  for (std::int64_t channel = 0; channel < 400; ++channel) {
    const double first = y[channel * 6];
    CHECK((first == 0 || first == Approx(4.0 / 3)));
    for (std::int64_t i = 1; i < 6; ++i) CHECK(y[channel * 6 + i] == first);
    kept += first != 0;
  }
  CHECK(kept / 400 == Approx(0.75).margin(0.1));
  const HostArray z = to_host(ts::drop_path(to_tensor(HostArray(Shape{50, 8}, 1), ts::f32), 0.5));
  for (std::int64_t i = 0; i < z.numel(); ++i) CHECK(z[i] == z[i / 8 * 8]);
}

TEST_CASE("alpha_dropout keeps mean and variance") {
  ts::manual_seed(2);
  HostArray x(Shape{100'000});
  for (std::int64_t i = 0; i < x.numel(); ++i) x[i] = i % 2 ? 1 : -1;
  const HostArray y = to_host(ts::alpha_dropout(to_tensor(x, ts::f32), 0.3));
  double mean = 0, square = 0;
  for (const double v : y.values) {
    mean += v / 1e5;
    square += v * v / 1e5;
  }
  CHECK(mean == Approx(0).margin(0.02));
  CHECK(square - mean * mean == Approx(1).margin(0.03));
}

TEST_CASE("Nothing is dropped in evaluation") {
  const ts::Tensor x = to_tensor({2, 2}, {1, 2, 3, 4});
  for (const Op op : {ts::feature_dropout, ts::drop_path, ts::alpha_dropout}) {
    CHECK(op(x, 0.5, false, ts::SourceLocation::current()).is_same(x));
    CHECK(op(x, 0, true, ts::SourceLocation::current()).is_same(x));
  }
}

TEST_CASE("Misuse of further dropouts is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2});
  expect_error([&] { ts::feature_dropout(x); }, "ShapeError: feature_dropout\n  expected  x of at least 2 dimensions\n  actual    [2]\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::drop_path(x, 1.5); }, "ValueError: drop_path\n  expected  p >= 0 && p <= 1\n  p is 1.5\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::alpha_dropout(x.to(ts::i64)); }, "DTypeError: alpha_dropout\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2] cpu\n  called at <here>");
}
