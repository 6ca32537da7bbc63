#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/node.hpp"
#include "tests/autograd/functions.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;

static Tensor replayed_leaf() { return to_tensor({4}, {0.1, -0.7, 2.3, 1e-3}).requires_grad_(); }

TEST_CASE("a result is made again, bit for bit, in fresh memory") {
  const Tensor x = replayed_leaf();
  const Tensor y = x * 3;
  const auto again = ts::replay(y);
  CHECK(bytes_of(again[0]) == bytes_of(y));
  CHECK_FALSE(again[0].shares_storage(y));
  CHECK_FALSE(again[0].requires_grad());
}

TEST_CASE("replay follows the recipes back to bytes that exist") {
  const Tensor x = replayed_leaf();
  Tensor y = x * 3;
  y = (y + 0.1) * (y - 7);  // the intermediate results are gone when y is replayed
  y = y / 3;
  CHECK(bytes_of(ts::replay(y)[0]) == bytes_of(y));
}

TEST_CASE("replay goes through views of results that are gone") {
  const Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}).requires_grad_();
  const Tensor y = (x * 2).transpose(0, 1).slice(0, 1, 3) * 5;
  CHECK(bytes_of(ts::replay(y)[0]) == bytes_of(y));
}

TEST_CASE("an in-place result is made again from what was there before") {
  const Tensor x = replayed_leaf();
  const Tensor y = x * 3;
  const std::string before = bytes_of(y);
  y.add_(x);
  y.mul_(0.3);
  const std::string after = bytes_of(y);
  const auto again = ts::replay(y);
  CHECK(bytes_of(again[0]) == after);
  CHECK(bytes_of(y) == after);  // and y itself was left alone
  CHECK(before != after);
}

TEST_CASE("an operand that was overwritten by the user cannot be replayed from") {
  const Tensor x = replayed_leaf();
  const Tensor constant = to_tensor({4}, {1, 2, 3, 4});
  const Tensor y = x + constant;
  constant.fill_(0);
  CHECK_THROWS_WITH(ts::replay(y), Catch::Contains("add") && Catch::Contains("overwritten"));
}

TEST_CASE("an operand that is gone and that nothing on the tape made cannot be replayed from") {
  const Tensor x = replayed_leaf();
  const Tensor y = x + to_tensor({4}, {1, 2, 3, 4});  // add saves nothing
  CHECK_THROWS_AS(ts::replay(y), ts::AutogradError);
}

TEST_CASE("hidden outputs and every visible one are made again") {
  const Tensor a = replayed_leaf(), b = replayed_leaf();
  const auto outputs = ts::apply_all(SumAndDifference{}, {&a, &b});
  const auto again = ts::replay(outputs[1]);
  REQUIRE(again.size() == 2);
  CHECK(bytes_of(again[0]) == bytes_of(outputs[0]));
  CHECK(bytes_of(again[1]) == bytes_of(outputs[1]));
}

TEST_CASE("replay works after backward has released what was saved") {
  const Tensor x = replayed_leaf();
  const Tensor y = x * x;
  y.sum().backward();
  CHECK(bytes_of(ts::replay(y)[0]) == bytes_of(y));
}
