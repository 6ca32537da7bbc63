#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using ts::Tensor;
using tasuki::testing::to_tensor;
using Catch::Contains;
using Floats = std::vector<float>;

static Tensor leaf() { return to_tensor({3}, {1, 2, 3}).requires_grad_(); }

TEST_CASE("overwriting what a pending backward saved is an error that names both ops") {
  const Tensor x = leaf();
  const Tensor y = x.exp();
  y.add_(1);
  CHECK_THROWS_WITH(y.sum().backward(), Contains("exp") && Contains("add_") && Contains("overwritten"));
}

TEST_CASE("overwriting a saved input under NoGrad is noticed too") {
  const Tensor x = leaf(), w = to_tensor({3}, {4, 5, 6});
  const Tensor y = (x * w).sum();
  {
    ts::NoGrad off;
    w.mul_(2);
  }
  CHECK_THROWS_WITH(y.backward(), Contains("mul") && Contains("mul_"));
}

TEST_CASE("a write through data() counts as an in-place write", "[cpu]") {
  const Tensor x = leaf();
  Tensor w = to_tensor({3}, {4, 5, 6});
  const Tensor y = (x * w).sum();
  w.data<float>()[0] = 7;
  CHECK_THROWS_WITH(y.backward(), Contains("data()"));
}

TEST_CASE("reading through data() does not", "[cpu]") {
  const Tensor x = leaf();
  const Tensor w = to_tensor({3}, {4, 5, 6});
  const Tensor y = (x * w).sum();
  CHECK(w.data<float>()[2] == 6);
  y.backward();
  CHECK(x.grad().to_vector<float>() == Floats{4, 5, 6});
}

TEST_CASE("a leaf that requires a gradient is not written in place, except under NoGrad") {
  const Tensor x = leaf();
  CHECK_THROWS_WITH(x.add_(1), Contains("leaf") && Contains("NoGrad"));
  CHECK(x.to_vector<float>() == Floats{1, 2, 3});
  ts::NoGrad off;
  x.add_(1);
  CHECK(x.to_vector<float>() == Floats{2, 3, 4});
}

TEST_CASE("an in-place op on a result that nobody saved gives the right gradient") {
  const Tensor x = leaf();
  const Tensor y = x + 1;  // saves nothing
  y.mul_(to_tensor({3}, {10, 20, 30}));
  (y * y).sum().backward();  // ((x + 1) c)^2
  CHECK(y.to_vector<float>() == Floats{20, 60, 120});
  CHECK(x.grad().to_vector<float>() == Floats{2 * 20 * 10, 2 * 60 * 20, 2 * 120 * 30});
}

TEST_CASE("a chain of in-place ops is differentiated step by step") {
  const Tensor x = leaf();
  const Tensor y = x * 2;
  y.add_(1);
  y.mul_(3);
  y.sub_(x);
  y.div_(2);
  y.sum().backward();  // (3 (2x + 1) - x) / 2
  CHECK(y.to_vector<float>() == Floats{4, 6.5f, 9});
  CHECK(x.grad().to_vector<float>() == Floats(3, 2.5f));
}

TEST_CASE("a constant becomes part of the tape when a tracked tensor is added into it") {
  const Tensor x = leaf();
  const Tensor sum = to_tensor({3}, {0, 0, 0});
  sum.add_(x * 2);
  sum.add_(x * 3);
  CHECK(sum.requires_grad());
  sum.sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats(3, 5));
}

TEST_CASE("writing on the base of live views, or through one, is refused until rebasing exists") {
  const Tensor x = leaf();
  const Tensor base = x * 2;
  {
    const Tensor view = base.slice(0, 0, 2);
    CHECK_THROWS_WITH(base.add_(1), Contains("view"));
    CHECK_THROWS_WITH(view.add_(1), Contains("view"));
  }
  base.add_(1);  // the view is gone
  base.sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats(3, 2));
}

TEST_CASE("views of untracked tensors may be written, and the base sees it") {
  const Tensor base = to_tensor({2, 2}, {1, 2, 3, 4});
  const Tensor column = base.select(1, 0);
  column.fill_(9);
  CHECK(base.to_vector<float>() == Floats{9, 2, 9, 4});
}

TEST_CASE("an expanded tensor is not a target") {
  const Tensor wide = to_tensor({1, 2}, {1, 2}).expand({3, 2});
  CHECK_THROWS_AS(wide.add_(1), ts::ValueError);
}

TEST_CASE("every write counts one version, shared by all views") {
  const Tensor x = to_tensor({4}, {1, 2, 3, 4});
  const Tensor half = x.slice(0, 0, 2);
  const auto before = x.version();
  half.add_(1);
  CHECK(x.version() == before + 1);
  x.mul_(2);
  x.zero_();
  CHECK(half.version() == before + 3);
  CHECK(x.clone().version() == 0);
}

TEST_CASE("a copy between dtypes in place is differentiable") {
  const Tensor x = leaf();
  const Tensor wide = to_tensor({3}, {0, 0, 0}, ts::f64);
  wide.copy_(x * 4);
  wide.sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats(3, 4));
}
