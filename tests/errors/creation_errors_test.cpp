#include <cstring>
#include <string>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

// What a user reads after a mistake in a function that makes tensors: the whole text.
namespace ts = tasuki;
using tasuki::testing::error_text;

TEST_CASE("errors of creation functions name the function and the caller's line") {
  const int line = __LINE__ + 2;
  try {
    ts::arange(0, 10, -1);
    FAIL("accepted");
  } catch (const ts::ValueError& error) {
    CHECK(std::strstr(error.what(), ("creation_errors_test.cpp:" + std::to_string(line)).c_str()) != nullptr);
  }
}

TEST_CASE("shapes that cannot be") {
  CHECK(error_text([] { ts::zeros({2, -3}); }) ==
        "ShapeError: zeros\n  expected  shape[d] >= 0\n  dimension 1 of shape [2, -3] is negative\n  called at <here>");
  CHECK(error_text([] { ts::empty({1ll << 40, 1ll << 40}); }) ==
        "ShapeError: empty\n  shape [1099511627776, 1099511627776] of f32 has more bytes than 64 bits can count\n  called at <here>");
  CHECK(error_text([] { ts::randn({-1}); }) == "ShapeError: randn\n  expected  shape[d] >= 0\n  dimension 0 of shape [-1] is negative\n  called at <here>");
  CHECK(error_text([] { ts::from(std::vector<float>(5), {2, 3}); }) ==
        "ShapeError: from\n  expected  values == shape.numel()\n  actual    5 != 6\n  the vector must have one value for each element of shape [2, 3]\n  called at <here>");
}

TEST_CASE("ranges that lead nowhere") {
  CHECK(error_text([] { ts::arange(0, 10, -1); }) ==
        "ValueError: arange\n  expected  start == end || (start < end) == (step > 0)\n  a step of -1 does not lead from 0 to 10\n  called at <here>");
  CHECK(error_text([] { ts::arange(0, 10, 0); }) == "ValueError: arange\n  expected  step != 0\n  called at <here>");
  CHECK(error_text([] { ts::arange(0, 300, 1, {.dtype = ts::u8}); }) == "ValueError: arange\n  u8 cannot hold 299\n  called at <here>");
  CHECK(error_text([] { ts::logspace(0, 1, -2); }) == "ValueError: logspace\n  expected  steps >= 0\n  actual    -2 < 0\n  called at <here>");
  CHECK(error_text([] { ts::logspace(0, 1, 3, 10, {.dtype = ts::i64}); }) ==
        "DTypeError: logspace\n  expected  is_floating(options.dtype)\n  the numbers are not integers, and the tensor would be i64\n  called at <here>");
  CHECK(error_text([] { ts::linspace(0, 1, -2); }) == "ValueError: linspace\n  expected  steps >= 0\n  actual    -2 < 0\n  called at <here>");
  CHECK(error_text([] { ts::full({2}, -1, {.dtype = ts::u8}); }) == "ValueError: full\n  u8 cannot hold -1\n  called at <here>");
}

TEST_CASE("distributions that do not exist") {
  CHECK(error_text([] { ts::uniform({2}, 3, 1); }) == "ValueError: uniform\n  expected  low <= high\n  low is 3, high is 1\n  called at <here>");
  CHECK(error_text([] { ts::normal({2}, 0, -1); }) ==
        "ValueError: normal\n  expected  std >= 0 && std::isfinite(std) && std::isfinite(mean)\n  mean is 0, std is -1\n  called at <here>");
  CHECK(error_text([] { ts::bernoulli({2}, 1.5); }) == "ValueError: bernoulli\n  expected  p >= 0 && p <= 1\n  p is 1.5\n  called at <here>");
  CHECK(error_text([] { ts::randn_like(ts::zeros({2}, {.dtype = ts::i64})); }) ==
        "DTypeError: randn_like\n  expected  is_floating(dtype)\n  the numbers are not integers, and the tensor would be i64\n  like: i64[2] cpu\n  called at <here>");
  CHECK(error_text([] { ts::randint(5, 5, {2}); }) ==
        "ValueError: randint\n  expected  low < high\n  low is 5, high is 5: there is no integer in [low, high)\n  called at <here>");
  CHECK(error_text([] { ts::randint(0, 1000, {2}, {.dtype = ts::u8}); }).find("u8 holds the integers from 0 to 255, not all of [0, 1000)") !=
        std::string::npos);
  CHECK(error_text([] { ts::rand({2}, {.dtype = ts::i64}); }) ==
        "DTypeError: rand\n  expected  is_floating(dtype)\n  the numbers are not integers, and the tensor would be i64\n  called at <here>");
  CHECK(error_text([] { ts::bernoulli(ts::tensor({0.5f, 1.25f})); }) ==
        "ValueError: bernoulli\n  expected  probabilities in [0, 1]\n  actual    one is outside, or NaN\n  probabilities: f32[2] cpu\n  called at <here>");
}
