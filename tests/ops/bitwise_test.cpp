#include "tasuki/ops/bitwise.hpp"

#include <cmath>

#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

namespace {

using Pair = ts::Tensor (*)(const ts::Tensor&, ts::Operand);

OpCase of(const char* name, Pair op, double (*reference)(double, double), std::int64_t most = 15) {
  return {.op = name,
          .inputs = {indices({3, 4}, 0, 15), indices({3, 4}, 0, most)},
          .forward = [op](const Inputs& in) { return op(in[0].to(in[1].dtype()), in[1]); },
          .reference = pointwise(reference),
          .dtypes = {ts::i64},
          .flags = no_gradient,
          .more_shapes = {{{3, 4}, {4}}, {{3, 1}, {1, 4}}, {{}, {2, 3}}, {{0}, {1}}, {{5, 67}, {5, 67}}}};
}

long whole(double x) { return static_cast<long>(x); }
double and_of(double a, double b) { return static_cast<double>(whole(a) & whole(b)); }
double or_of(double a, double b) { return static_cast<double>(whole(a) | whole(b)); }
double xor_of(double a, double b) { return static_cast<double>(whole(a) ^ whole(b)); }

}  // namespace

OP_CASES(bitwise) {
  std::vector<OpCase> cases;
  for (const ts::DType dtype : {ts::i64, ts::i32, ts::u8}) {
    const auto add = [&](OpCase c) {
      c.variant = std::string("of ") + name_of(dtype);
      c.dtypes = {dtype};
      for (Input& input : c.inputs) input.dtype = dtype;
      cases.push_back(std::move(c));
    };
    add(of("bitwise_and", &ts::bitwise_and, and_of));
    add(of("bitwise_or", &ts::bitwise_or, or_of));
    add(of("bitwise_xor", &ts::bitwise_xor, xor_of));
    add(of("bitwise_left_shift", &ts::bitwise_left_shift, [](double a, double b) { return std::ldexp(a, static_cast<int>(b)); }, 3));
    add(of("bitwise_right_shift", &ts::bitwise_right_shift, [](double a, double b) { return std::floor(std::ldexp(a, -static_cast<int>(b))); }, 5));
    cases.push_back({.op = "bitwise_not", .variant = std::string("of ") + name_of(dtype), .inputs = {indices({3, 4}, 0, 15, dtype)},
                     .forward = [](const Inputs& in) { return ts::bitwise_not(in[0]); },
                     .reference = dtype == ts::u8 ? pointwise([](double x) { return 255 - x; }) : pointwise([](double x) { return -1 - x; }),
                     .dtypes = {dtype}, .flags = no_gradient});
  }
  return cases;
}

TEST_CASE("Bits of negative numbers, of bools, beside numbers, and shifts beyond the width") {
  const ts::Tensor x = to_tensor({3}, {-8, 5, 1}, ts::i32), flags = to_tensor({2}, {1, 0}, ts::bool_);
  CHECK(to_host(ts::bitwise_and(x, 6)).values == std::vector<double>{0, 4, 0});
  CHECK(to_host(ts::bitwise_right_shift(x, 1)).values == std::vector<double>{-4, 2, 0});
  CHECK(to_host(ts::bitwise_right_shift(x, 40)).values == std::vector<double>{-1, 0, 0});
  CHECK(to_host(ts::bitwise_left_shift(x, -1)).values == std::vector<double>{0, 0, 0});
  CHECK(to_host(ts::bitwise_left_shift(x, 31)).values == std::vector<double>{0, -0x1p31, -0x1p31});
  CHECK(to_host(ts::bitwise_not(flags)).values == std::vector<double>{0, 1});
  CHECK(to_host(ts::bitwise_xor(flags, 1)).values == std::vector<double>{0, 1});
  CHECK(ts::bitwise_or(flags, flags).dtype() == ts::bool_);
}

TEST_CASE("Misuse of bitwise ops is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2}), i = to_tensor({2}, {1, 2}, ts::i32), flags = to_tensor({2}, {1, 0}, ts::bool_);
  expect_error([&] { ts::bitwise_and(x, x); },
               "DTypeError: bitwise_and\n  expected  an integral dtype, or bool\n  actual    f32\n  a: f32[2] cpu   b: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::bitwise_left_shift(flags, flags); },
               "DTypeError: bitwise_left_shift\n  expected  an integral dtype\n  actual    bool\n  a: bool[2] cpu   b: bool[2] cpu\n  called at <here>");
  expect_error([&] { ts::bitwise_xor(i, flags); },
               "DTypeError: bitwise_xor\n  expected  operands of one dtype\n  actual    i32 and bool\n  cast the second with .to(ts::i32)\n"
               "  a: i32[2] cpu   b: bool[2] cpu\n  called at <here>");
}
