#include <cmath>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using ts::Tensor;
using tasuki::testing::to_tensor;

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

static Tensor leaf(const ts::Shape& shape, std::initializer_list<double> values, ts::DType dtype = ts::f32) {
  return to_tensor(shape, values, dtype).requires_grad_();
}

TEST_CASE("the tape follows a loop whose length depends on the data") {
  const Tensor x = leaf({3}, {1, 2, 3});
  Tensor y = x;
  int doublings = 0;
  while (y.sum().item<float>() < 100) {
    y = y * 2;
    ++doublings;
  }
  y.sum().backward();
  CHECK(doublings == 5);
  CHECK(x.grad().to_vector<float>() == Floats(3, 32));
}

TEST_CASE("an input used twice by one op gets both gradients") {
  const Tensor x = leaf({2}, {3, -4});
  (x * x).sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats{6, -8});
}

TEST_CASE("the branches of a diamond meet in their common ancestor before it is passed on") {
  const Tensor x = leaf({1}, {3}, ts::f64);
  const Tensor base = x * x;
  const Tensor left = base * 2, right = base * base;
  (left + right).sum().backward();  // 2 x^2 + x^4
  CHECK(x.grad().to_vector<double>() == Doubles{4 * 3 + 4 * 27});
}

TEST_CASE("a ladder of diamonds is walked once per node, not once per path") {
  const Tensor x = leaf({1}, {1}, ts::f64);
  Tensor y = x;
  for (int i = 0; i < 60; ++i) y = y + y;  // 2^60 paths
  y.sum().backward();
  CHECK(x.grad().item<double>() == std::ldexp(1.0, 60));
}

TEST_CASE("branches that no output depends on are not visited") {
  const Tensor x = leaf({2}, {1, 2}), unused = leaf({2}, {5, 6});
  const Tensor dead_end = unused * 3;
  (x * 2).sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats{2, 2});
  CHECK_FALSE(unused.grad().defined());
  CHECK(dead_end.requires_grad());
}

TEST_CASE("backward adds to gradients that are there") {
  const Tensor x = leaf({2}, {1, 2});
  (x * 3).sum().backward();
  (x * 4).sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats{7, 7});
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
  (x * 4).sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats{4, 4});
}

TEST_CASE("gradients of two leaves never share memory") {
  const Tensor a = leaf({2}, {1, 2}), b = leaf({2}, {3, 4});
  const auto pass = [&] { (a + b).sum().backward(); };
  SECTION("plain leaves") {}
  SECTION("leaves with hooks that look and change nothing") {
    a.register_hook([](const Tensor&) { return Tensor(); });
    b.register_hook([](const Tensor&) { return Tensor(); });
  }
  pass();
  CHECK_FALSE(a.grad().shares_storage(b.grad()));
  pass();
  CHECK(a.grad().to_vector<float>() == Floats{2, 2});
  CHECK(b.grad().to_vector<float>() == Floats{2, 2});
}

TEST_CASE("the gradient that the user passes is not written to") {
  const Tensor x = leaf({2}, {1, 2});
  const Tensor seed = to_tensor({2}, {10, 20});
  x.backward(seed);
  x.backward(seed);
  CHECK(x.grad().to_vector<float>() == Floats{20, 40});
  CHECK(seed.to_vector<float>() == Floats{10, 20});
}

TEST_CASE("backward from several outputs sums their gradients in one pass") {
  const Tensor x = leaf({2}, {1, 2});
  const Tensor shared = x * x;
  const Tensor a = shared.sum(), b = shared * 10;
  ts::backward({a, b}, {to_tensor(ts::Shape{}, {1}), to_tensor({2}, {1, 0})});
  CHECK(x.grad().to_vector<float>() == Floats{2 + 20, 4});
}

TEST_CASE("an output that is itself a leaf gets its own seed") {
  const Tensor x = leaf({1}, {5});
  x.backward();
  CHECK(x.grad().item<float>() == 1);
}

TEST_CASE("retain_graph allows another pass; without it the tape is used up") {
  const Tensor x = leaf({2}, {1, 2});
  const Tensor y = (x * x).sum();
  y.backward({.retain_graph = true});
  y.backward();
  CHECK(x.grad().to_vector<float>() == Floats{4, 8});
  CHECK_THROWS_WITH(y.backward(), Catch::Contains("retain_graph"));
  CHECK(x.grad().to_vector<float>() == Floats{4, 8});
}

TEST_CASE("a used-up part of the tape is refused before any gradient changes") {
  const Tensor x = leaf({2}, {1, 2});
  const Tensor shared = x * x;
  shared.sum().backward();
  const Tensor mixed = (x * 3).sum() + shared.sum();
  CHECK_THROWS_AS(mixed.backward(), ts::AutogradError);
  CHECK(x.grad().to_vector<float>() == Floats{2, 4});
}

TEST_CASE("grad returns gradients of inputs and leaves alone what leaves hold") {
  const Tensor x = leaf({2}, {1, 2}), w = leaf({2}, {3, 4});
  const Tensor hidden = x * w;
  const Tensor loss = (hidden * hidden).sum();
  const auto g = ts::grad({loss}, {hidden, w}, {.retain_graph = true});
  CHECK(g[0].to_vector<float>() == Floats{6, 16});
  CHECK(g[1].to_vector<float>() == Floats{6, 32});
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(w.grad().defined());
  loss.backward();
  CHECK(x.grad().to_vector<float>() == Floats{18, 64});
}

TEST_CASE("grad can start from given gradients, and from the input itself") {
  const Tensor x = leaf({2}, {1, 2});
  const Tensor y = x * 5;
  CHECK(ts::grad({y}, {x}, {.retain_graph = true, .grad_outputs = {to_tensor({2}, {1, -1})}})[0].to_vector<float>() == Floats{5, -5});
  CHECK(ts::grad({y}, {y}, {.grad_outputs = {to_tensor({2}, {7, 8})}})[0].to_vector<float>() == Floats{7, 8});
}

TEST_CASE("grad names an input that no output depends on, unless that is allowed") {
  const Tensor x = leaf({1}, {1}), other = leaf({1}, {1});
  CHECK_THROWS_WITH(ts::grad({x * 2}, {other}), Catch::Contains("input 0") && Catch::Contains("allow_unused"));
  const auto g = ts::grad({x * 2}, {x, other}, {.allow_unused = true});
  CHECK(g[0].item<float>() == 2);
  CHECK_FALSE(g[1].defined());
}

TEST_CASE("the same input may be asked for twice") {
  const Tensor x = leaf({1}, {3});
  const auto g = ts::grad({x * x}, {x, x});
  CHECK(g[0].item<float>() == 6);
  CHECK(g[1].item<float>() == 6);
}

TEST_CASE("create_graph: derivatives of x^5 up to the third") {
  const Tensor x = leaf({2}, {2, -1}, ts::f64);
  const Tensor y = (x * x * x * x * x).sum();
  const Tensor first = ts::grad({y}, {x}, {.create_graph = true})[0];
  CHECK(first.to_vector<double>() == Doubles{80, 5});
  const Tensor second = ts::grad({first.sum()}, {x}, {.create_graph = true})[0];
  CHECK(second.to_vector<double>() == Doubles{160, -20});
  const Tensor third = ts::grad({second.sum()}, {x})[0];
  CHECK(third.to_vector<double>() == Doubles{240, 60});
}

TEST_CASE("a Hessian-vector product mixes gradients with values") {
  const Tensor x = leaf({2}, {1, 2}, ts::f64);
  const Tensor y = (x * x).sum() * x.sum();  // (a^2 + b^2)(a + b)
  const Tensor g = ts::grad({y}, {x}, {.create_graph = true})[0];
  (g * to_tensor({2}, {1, 0}, ts::f64)).sum().backward();  // first row of the Hessian: 6a + 2b, 2a + 2b
  CHECK(x.grad().to_vector<double>() == Doubles{10, 6});
}

TEST_CASE("backward with create_graph leaves gradients that are on the tape") {
  const Tensor x = leaf({1}, {3}, ts::f64);
  (x * x * x).sum().backward({.create_graph = true});
  const Tensor g = x.grad();
  CHECK(g.requires_grad());
  x.zero_grad();
  g.sum().backward();
  CHECK(x.grad().item<double>() == 18);
}

TEST_CASE("without create_graph gradients are off the tape") {
  const Tensor x = leaf({1}, {3});
  (x * x).sum().backward();
  CHECK_FALSE(x.grad().requires_grad());
}

TEST_CASE("retain_grad keeps the gradient of a computed tensor") {
  const Tensor x = leaf({2}, {1, 2});
  const Tensor hidden = x * 3;
  hidden.retain_grad();
  (hidden * hidden).sum().backward();
  CHECK(hidden.grad().to_vector<float>() == Floats{6, 12});
  CHECK(x.grad().to_vector<float>() == Floats{18, 36});
}

TEST_CASE("broadcast operands get gradients of their own shape") {
  const Tensor matrix = leaf({2, 3}, {1, 2, 3, 4, 5, 6}), row = leaf({3}, {1, 10, 100}), scalar = leaf(ts::Shape{}, {2});
  (matrix * row * scalar).sum().backward();
  CHECK(row.grad().to_vector<float>() == Floats{10, 14, 18});
  CHECK(scalar.grad().shape() == ts::Shape{});
  CHECK(scalar.grad().item<float>() == 5 + 70 + 900);
  CHECK(matrix.grad().shape() == ts::Shape{2, 3});
}
