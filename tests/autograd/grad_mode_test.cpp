#include <thread>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using ts::Tensor;
using tasuki::testing::to_tensor;

TEST_CASE("nothing is recorded under NoGrad, and the mode comes back") {
  const Tensor x = to_tensor({2}, {1, 2}).requires_grad_();
  {
    ts::NoGrad off;
    CHECK_FALSE(ts::grad_enabled());
    const Tensor y = x * x;
    CHECK_FALSE(y.requires_grad());
    CHECK(y.is_leaf());
    {
      ts::GradMode on(true);
      CHECK((x * x).requires_grad());
    }
    CHECK_FALSE((x * x).requires_grad());
    CHECK_FALSE(x.transpose(0, 0).requires_grad());
  }
  CHECK(ts::grad_enabled());
  CHECK((x * x).requires_grad());
}

TEST_CASE("an exception restores the grad mode") {
  try {
    ts::NoGrad off;
    throw 1;
  } catch (int) {
  }
  CHECK(ts::grad_enabled());
}

TEST_CASE("grad mode belongs to a thread") {
  ts::NoGrad off;
  bool elsewhere = false;
  std::thread([&] { elsewhere = ts::grad_enabled(); }).join();
  CHECK(elsewhere);
  CHECK_FALSE(ts::grad_enabled());
}

TEST_CASE("detach gives the same elements off the tape") {
  const Tensor x = to_tensor({2}, {1, 2}).requires_grad_();
  const Tensor y = x * 3;
  const Tensor d = y.detach();
  CHECK(d.shares_storage(y));
  CHECK_FALSE(d.requires_grad());
  CHECK(d.is_leaf());
  (y * d).sum().backward();  // d counts as a constant
  CHECK(x.grad().to_vector<float>() == std::vector<float>{9, 18});
}

TEST_CASE("a result is on the tape when any operand is") {
  const Tensor constant = to_tensor({2}, {1, 2}), x = to_tensor({2}, {1, 2}).requires_grad_();
  CHECK_FALSE((constant * constant).requires_grad());
  CHECK((constant * x).requires_grad());
  CHECK_FALSE((constant * x).is_leaf());
  CHECK_FALSE(x.gt(1).requires_grad());
}

TEST_CASE("requires_grad_ can be taken back from a leaf and not from a result") {
  const Tensor x = to_tensor({1}, {1}).requires_grad_();
  CHECK_THROWS_AS((x * 2).requires_grad_(false), ts::AutogradError);
  x.requires_grad_(false);
  CHECK_FALSE((x * 2).requires_grad());
  CHECK_THROWS_AS(to_tensor({1}, {1}, ts::i64).requires_grad_(), ts::DTypeError);
}
