#include "tasuki/ops/dropout.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

TEST_CASE("misuse of dropout, in training and in evaluation") {
  for (const bool training : {true, false})
    expect_error([=] { ts::dropout(to_tensor({2}, {1, 2}), 1.5, training); },
                 "ValueError: dropout\n"
                 "  expected  p >= 0 && p <= 1\n"
                 "  p is 1.5\n"
                 "  x: f32[2] cpu\n"
                 "  called at <here>");
  expect_error([] { ts::dropout(to_tensor({2}, {1, 2}, ts::i64)); },
               "DTypeError: dropout\n"
               "  expected  x of a floating dtype\n"
               "  actual    i64\n"
               "  x: i64[2] cpu\n"
               "  called at <here>");
}
