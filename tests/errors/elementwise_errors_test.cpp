#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"
#include "tests/catch.hpp"

// What a user reads after a mistake with elementwise ops: the whole text.
namespace ts = tasuki;
using namespace tasuki::testing;

namespace {
const auto matrix = [] { return to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}); };
const auto whole = [] { return to_tensor({3}, {1, 2, 3}, ts::i64); };
const auto flags = [] { return to_tensor({3}, {1, 0, 1}, ts::bool_); };
}  // namespace

TEST_CASE("Shapes that do not broadcast are shown") {
  const ts::Tensor x = matrix(), y = to_tensor({2}, {1, 2});
  expect_error([&] { x + y; },
               "ShapeError: add\n"
               "  expected  shapes that broadcast: counted from the last, each pair of sizes equal or one of them 1\n"
               "  actual    [2, 3] and [2]: 3 against 2 in dimension -1\n"
               "  a: f32[2, 3] cpu   b: f32[2] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::where(x.gt(0), y, x); },
               "ShapeError: where\n"
               "  expected  shapes that broadcast: counted from the last, each pair of sizes equal or one of them 1\n"
               "  actual    [2, 3] and [2]: 3 against 2 in dimension -1\n"
               "  condition: bool[2, 3] cpu   a: f32[2] cpu   b: f32[2, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("An in-place operand must broadcast to the target") {
  const ts::Tensor row = to_tensor({3}, {1, 2, 3}), x = matrix();
  expect_error([&] { row.add_(x); },
               "ShapeError: add_\n"
               "  expected  an operand that broadcasts to the target's shape, [3]\n"
               "  actual    [2, 3]\n"
               "  a: f32[3] cpu   b: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([&] { row.copy_(x); },
               "ShapeError: copy_\n"
               "  expected  a source that broadcasts to [3]\n"
               "  actual    [2, 3]\n"
               "  target: f32[3] cpu   source: f32[2, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("Dtypes are not promoted: the error names the cast") {
  const ts::Tensor x = to_tensor({3}, {1, 2, 3}), wide = to_tensor({3}, {1, 2, 3}, ts::f64), half = to_tensor({3}, {1, 2, 3}, ts::bf16), n = whole();
  expect_error([&] { x * wide; },
               "DTypeError: mul\n"
               "  expected  operands of one dtype\n"
               "  actual    f32 and f64\n"
               "  cast the first with .to(ts::f64)\n"
               "  a: f32[3] cpu   b: f64[3] cpu\n"
               "  called at <here>");
  expect_error([&] { x - half; },
               "DTypeError: sub\n"
               "  expected  operands of one dtype\n"
               "  actual    f32 and bf16\n"
               "  cast the second with .to(ts::f32)\n"
               "  a: f32[3] cpu   b: bf16[3] cpu\n"
               "  called at <here>");
  expect_error([&] { n.eq(half); },
               "DTypeError: eq\n"
               "  expected  operands of one dtype\n"
               "  actual    i64 and bf16\n"
               "  cast the first with .to(ts::bf16)\n"
               "  a: i64[3] cpu   b: bf16[3] cpu\n"
               "  called at <here>");
}

TEST_CASE("A number must fit the tensor's dtype") {
  const ts::Tensor n = whole(), byte = to_tensor({1}, {7}, ts::u8);
  expect_error([&] { n + 0.5; },
               "DTypeError: add\n"
               "  expected  a whole number beside a tensor of i64\n"
               "  actual    0.5\n"
               "  cast the tensor with .to(ts::f32)\n"
               "  a: i64[3] cpu\n"
               "  called at <here>");
  expect_error([&] { 1.5 - n; },
               "DTypeError: sub\n"
               "  expected  a whole number beside a tensor of i64\n"
               "  actual    1.5\n"
               "  cast the tensor with .to(ts::f32)\n"
               "  b: i64[3] cpu\n"
               "  called at <here>");
  expect_error([&] { byte * 300; },
               "ValueError: mul\n"
               "  expected  a number that u8 can hold\n"
               "  actual    300\n"
               "  a: u8[1] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::pow(n, -1); },
               "ValueError: pow\n"
               "  expected  an exponent that is not negative beside a tensor of i64\n"
               "  actual    -1\n"
               "  cast the tensor with .to(ts::f32)\n"
               "  a: i64[3] cpu\n"
               "  called at <here>");
}

TEST_CASE("Ops say which dtypes they take") {
  const ts::Tensor n = whole(), b = flags();
  expect_error([&] { n / 2; },
               "DTypeError: div\n"
               "  expected  a floating dtype\n"
               "  actual    i64\n"
               "  quotients are not rounded to integers: cast first with .to(ts::f32)\n"
               "  a: i64[3] cpu\n"
               "  called at <here>");
  expect_error([&] { b + b; },
               "DTypeError: add\n"
               "  expected  a floating or integral dtype\n"
               "  actual    bool\n"
               "  cast first with .to(ts::f32) or .to(ts::i64)\n"
               "  a: bool[3] cpu   b: bool[3] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::exp(n); },
               "DTypeError: exp\n"
               "  expected  a floating dtype\n"
               "  actual    i64\n"
               "  cast first: .to(ts::f32)\n"
               "  x: i64[3] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::relu(b); },
               "DTypeError: relu\n"
               "  expected  a number dtype\n"
               "  actual    bool\n"
               "  cast first: .to(ts::f32)\n"
               "  x: bool[3] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::where(n, n, n); },
               "DTypeError: where\n"
               "  expected  condition.dtype() == bool_\n"
               "  actual    i64 != bool\n"
               "  make it with a comparison, or cast: .to(ts::bool_)\n"
               "  condition: i64[3] cpu   a: i64[3] cpu   b: i64[3] cpu\n"
               "  called at <here>");
}

TEST_CASE("clamp needs an interval") {
  const ts::Tensor x = matrix();
  expect_error([&] { ts::clamp(x, 1, 0); },
               "ValueError: clamp\n"
               "  expected  lowest <= highest\n"
               "  actual    lowest = 1, highest = 0\n"
               "  x: f32[2, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("Writing in place where the tape or the layout forbids it is explained") {
  const ts::Tensor leaf = matrix().requires_grad_(), wide = to_tensor({1}, {1}).expand({3});
  expect_error([&] { leaf.add_(1); },
               "AutogradError: add_\n"
               "  add_ would overwrite a leaf that requires a gradient\n"
               "  wrap it in ts::NoGrad to change a parameter, or use the out-of-place form\n"
               "  a: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([&] { wide.mul_(2); },
               "ValueError: mul_\n"
               "  the target is expanded: several of its elements share one place\n"
               "  write into a clone() instead\n"
               "  a: f32[3] cpu\n"
               "  called at <here>");
}

TEST_CASE("Backward through what an in-place op overwrote names both ops") {
  const ts::Tensor x = matrix().requires_grad_();
  const ts::Tensor y = ts::exp(x);
  y.add_(1);
  const std::string text = error_text([&] { y.sum().backward(); });
  CHECK(text.find("exp") != std::string::npos);
  CHECK(text.find("add_") != std::string::npos);
}

TEST_CASE("An undefined operand is an error, not a crash") {
  const ts::Tensor nothing, x = matrix();
  CHECK_THROWS_AS(nothing + 1, ts::ValueError);
  CHECK_THROWS_AS(x + nothing, ts::ValueError);
  CHECK_THROWS_AS(ts::exp(nothing), ts::ValueError);
  CHECK_THROWS_AS(nothing.add_(x), ts::ValueError);
  CHECK_THROWS_AS(ts::where(nothing, x, x), ts::ValueError);
}

TEST_CASE("masked_fill takes a mask of bools, and a number that the dtype can hold") {
  const ts::Tensor x = matrix();
  expect_error([&] { ts::masked_fill(x, x, 0); },
               "DTypeError: masked_fill\n"
               "  expected  mask.dtype() == bool_\n"
               "  actual    f32 != bool\n"
               "  make it with a comparison, or cast: .to(ts::bool_)\n"
               "  x: f32[2, 3] cpu   mask: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::masked_fill(whole(), flags(), 0.5); },
               "DTypeError: masked_fill\n"
               "  expected  a whole number beside a tensor of i64\n"
               "  actual    0.5\n"
               "  cast the tensor with .to(ts::f32)\n"
               "  x: i64[3] cpu   mask: bool[3] cpu\n"
               "  called at <here>");
}

TEST_CASE("hardtanh's limits are in order, rounding is of floats") {
  expect_error([] { ts::hardtanh(matrix(), 1, -1); },
               "ValueError: hardtanh\n"
               "  expected  lowest <= highest\n"
               "  actual    lowest = 1, highest = -1\n"
               "  x: f32[2, 3] cpu\n"
               "  called at <here>");
  expect_error([] { ts::floor(whole()); },
               "DTypeError: floor\n"
               "  expected  a floating dtype\n"
               "  actual    i64\n"
               "  cast first: .to(ts::f32)\n"
               "  x: i64[3] cpu\n"
               "  called at <here>");
}
