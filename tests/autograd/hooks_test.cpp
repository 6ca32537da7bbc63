#include <stdexcept>
#include <string>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using ts::Tensor;
using tasuki::testing::to_tensor;
using Floats = std::vector<float>;

TEST_CASE("a hook on a leaf sees its whole gradient once and may replace it") {
  const Tensor x = to_tensor({2}, {1, 2}).requires_grad_();
  std::vector<Floats> seen;
  x.register_hook([&](const Tensor& g) {
    seen.push_back(g.to_vector<float>());
    return g * 10;
  });
  (x * 3 + x * 4).sum().backward();
  CHECK(seen == std::vector<Floats>{{7, 7}});
  CHECK(x.grad().to_vector<float>() == Floats{70, 70});
  (x * 1).sum().backward();  // what is there already is not hooked again
  CHECK(seen.back() == Floats{1, 1});
  CHECK(x.grad().to_vector<float>() == Floats{80, 80});
}

TEST_CASE("a hook on a computed tensor changes what flows on") {
  const Tensor x = to_tensor({2}, {1, 2}).requires_grad_();
  const Tensor hidden = x * 3;
  int calls = 0;
  hidden.register_hook([&](const Tensor& g) {
    ++calls;
    return g * -1;
  });
  (hidden * 2 + hidden * 5).sum().backward();
  CHECK(calls == 1);
  CHECK(x.grad().to_vector<float>() == Floats{-21, -21});
}

TEST_CASE("hooks run in the order of registration, each on what the one before made") {
  const Tensor x = to_tensor({1}, {1}).requires_grad_();
  x.register_hook([](const Tensor& g) { return g + 1; });
  x.register_hook([](const Tensor& g) { return g * 10; });
  x.register_hook([](const Tensor&) { return Tensor(); });  // looks only
  (x * 3).sum().backward();
  CHECK(x.grad().item<float>() == 40);
}

TEST_CASE("hooks apply to the gradients that grad returns") {
  const Tensor x = to_tensor({1}, {2}).requires_grad_();
  const Tensor hidden = x * 3;
  hidden.register_hook([](const Tensor& g) { return g * 2; });
  const auto g = ts::grad({hidden * 5}, {hidden, x});
  CHECK(g[0].item<float>() == 10);
  CHECK(g[1].item<float>() == 30);
}

TEST_CASE("a hook must return a gradient of the same shape and dtype") {
  const Tensor x = to_tensor({2}, {1, 2}).requires_grad_();
  x.register_hook([](const Tensor& g) { return g.sum(); });
  CHECK_THROWS_AS((x * 1).sum().backward(), ts::ShapeError);
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a post-accumulate hook fires once per backward call, when the gradient is complete") {
  const Tensor x = to_tensor({1}, {1}).requires_grad_(), other = to_tensor({1}, {1}).requires_grad_();
  std::vector<float> seen;
  x.register_post_accumulate_hook([&](const Tensor& leaf) {
    CHECK(leaf.is_same(x));
    seen.push_back(leaf.grad().item<float>());
  });
  Tensor y = other * 1;
  for (int i = 1; i <= 4; ++i) y = y + x * i;  // four uses, at different depths
  y.sum().backward();
  CHECK(seen == std::vector<float>{10});
  (other * 2).sum().backward();  // does not depend on x
  CHECK(seen.size() == 1);
  (x * 5).sum().backward();
  CHECK(seen == std::vector<float>{10, 15});
  ts::grad({x * 7}, {x});  // touches no leaf
  CHECK(seen.size() == 2);
}

TEST_CASE("post-accumulate hooks of early parameters fire after those of late ones, during the pass") {
  const Tensor a = to_tensor({1}, {2}).requires_grad_(), b = to_tensor({1}, {3}).requires_grad_();
  std::string order;
  a.register_post_accumulate_hook([&](const Tensor&) { order += 'a'; });
  b.register_post_accumulate_hook([&](const Tensor&) { order += b.grad().defined() && !a.grad().defined() ? 'b' : '?'; });
  (a * 5 * b).sum().backward();
  CHECK(order == "ba");
}

TEST_CASE("an exception from a hook reaches the caller and the tape stays usable") {
  const Tensor x = to_tensor({1}, {2}).requires_grad_();
  bool fail = true;
  const Tensor hidden = x * 3;
  hidden.register_hook([&](const Tensor&) {
    if (fail) throw std::runtime_error("from the hook");
    return Tensor();
  });
  const Tensor loss = (hidden * hidden).sum();
  CHECK_THROWS_WITH(loss.backward({.retain_graph = true}), "from the hook");
  CHECK_FALSE(x.grad().defined());
  fail = false;
  loss.backward();
  CHECK(x.grad().item<float>() == 36);
}
