#include "tasuki/debug/anomaly_mode.hpp"

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/context.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using Catch::Contains;
using ts::Tensor;

TEST_CASE("the first NaN stops the program and is described: op, module, element, operands, line") {
  const Tensor x = to_tensor({2, 2}, {1, 4, -1, 9});
  const ts::debug::AnomalyMode on;
  const ts::ModuleScope scope(ts::intern("encoder.gate"));
  expect_error([&] { ts::log(x); },
               "NanError: log in encoder.gate\n"
               "  expected  finite outputs\n"
               "  actual    nan at [1, 0] of output 0, f32[2, 2] (1 of 4 elements), in forward\n"
               "  all operands were finite\n"
               "  x: f32[2, 2] cpu\n"
               "  called at <here>");
}

TEST_CASE("an operand that was bad already is named") {
  const Tensor good = to_tensor({2}, {1, 2}), bad = to_tensor({2}, {1, 1e38}) * 1e3;  // overflows before the mode is on
  const ts::debug::AnomalyMode on;
  CHECK_THROWS_WITH(good + bad, Contains("NanError: add") && Contains("inf at [1]") && Contains("operand b, f32[2], held inf already"));
}

TEST_CASE("what appears in backward names the op of the forward pass and the user's line there") {
  const Tensor x = to_tensor({2}, {0, 4}).requires_grad_();
  Tensor y;
  {
    const ts::ModuleScope scope(ts::intern("encoder.norm"));
    y = ts::sqrt(x);  // fine: 0, 2
  }
  const std::string place = "anomaly_mode_test.cpp:" + std::to_string(__LINE__ - 2);
  const Tensor loss = y.sum();
  const ts::debug::AnomalyMode on;
  CHECK_THROWS_AS(loss.backward({.retain_graph = true}), ts::NanError);
  CHECK_THROWS_WITH(loss.backward({.retain_graph = true}),
                    Contains("sqrt in encoder.norm") && Contains("inf at [0]") && Contains("in backward") && Contains(place));
  CHECK_THROWS_WITH(loss.backward({.create_graph = true}), Contains("encoder.norm") && Contains("in backward") && Contains(place));
}

TEST_CASE("infinities may be allowed") {
  const Tensor x = to_tensor({1}, {1e38});
  const ts::debug::AnomalyMode on({.infinities = false});
  const Tensor inf = x * 1e3;
  CHECK_THROWS_WITH(inf - inf, Contains("nan at [0]") && Contains("no NaN"));
}

TEST_CASE("every floating dtype and layout is looked at, integers are not") {
  for (ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16}) {
    const Tensor x = to_tensor({2, 3}, {1, 1, 1, 1, 0, 1}, dtype).transpose(0, 1);
    const ts::debug::AnomalyMode on;
    CHECK_THROWS_WITH(1 / x, Contains("inf at [1, 1]"));
  }
  const ts::debug::AnomalyMode on;
  const Tensor largest = to_tensor({1}, {2147483647}, ts::i32);
  CHECK_NOTHROW(largest * 1);
}

TEST_CASE("nothing is checked once it is off, and a caught NaN leaves no bytes behind") {
  const Tensor x = to_tensor({1}, {-1}).requires_grad_();
  const std::size_t before = ts::memory::stats(ts::Device::cpu()).current_bytes;
  {
    const ts::debug::AnomalyMode on;
    CHECK_THROWS_AS(ts::log(x), ts::NanError);
    CHECK(ts::memory::stats(ts::Device::cpu()).current_bytes == before);
  }
  CHECK_NOTHROW(ts::log(x));
}
