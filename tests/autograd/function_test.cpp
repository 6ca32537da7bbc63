// Functions written outside the library, through its public headers only.
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/node.hpp"
#include "tests/autograd/functions.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;
using Floats = std::vector<float>;

TEST_CASE("a function with a gradient in ops is differentiated any number of times") {
  const Tensor x = to_tensor({3}, {1, 2, 3}, ts::f64);
  const auto cubed = [](const std::vector<Tensor>& in) { return ts::apply(Scale{3}, {&in[0]}) * in[0] * in[0]; };
  CHECK(ts::gradcheck(cubed, {x}));
  CHECK(ts::gradgradcheck(cubed, {x}));
}

TEST_CASE("a function with only a fused gradient is differentiated once") {
  const Tensor x = to_tensor({3}, {1, 2, 3}, ts::f64);
  CHECK(ts::gradcheck([](const std::vector<Tensor>& in) { return ts::apply(FusedSquare{}, {&in[0]}); }, {x}));
  const Tensor leaf = x.clone().requires_grad_();
  const Tensor y = ts::apply(FusedSquare{}, {&leaf}).sum();
  CHECK_THROWS_WITH(ts::grad({y}, {leaf}, {.create_graph = true}), Catch::Contains("fused_square") && Catch::Contains("backward_graph"));
}

TEST_CASE("a fused gradient adds to what is there when the tape tells it to") {
  const Tensor x = to_tensor({2}, {3, 4}).requires_grad_();
  (ts::apply(FusedSquare{}, {&x}) + ts::apply(FusedSquare{}, {&x})).sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats{12, 16});
  ts::apply(FusedSquare{}, {&x}).sum().backward();
  CHECK(x.grad().to_vector<float>() == Floats{18, 24});
}

TEST_CASE("several outputs: a gradient that nothing sent counts as zeros") {
  const Tensor a = to_tensor({2}, {5, 6}).requires_grad_(), b = to_tensor({2}, {1, 2}).requires_grad_();
  const auto outputs = ts::apply_all(SumAndDifference{}, {&a, &b});
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[1].to_vector<float>() == Floats{4, 4});
  outputs[1].sum().backward({.retain_graph = true});
  CHECK(a.grad().to_vector<float>() == Floats{1, 1});
  CHECK(b.grad().to_vector<float>() == Floats{-1, -1});
  (outputs[0] * 10 + outputs[1]).sum().backward();
  CHECK(b.grad().to_vector<float>() == Floats{8, 8});
}

TEST_CASE("an optional operand may be missing") {
  const Tensor a = to_tensor({2}, {5, 6}).requires_grad_();
  const auto outputs = ts::apply_all(SumAndDifference{}, {&a, &static_cast<const Tensor&>(Tensor())});
  (outputs[0] + outputs[1]).sum().backward();
  CHECK(a.grad().to_vector<float>() == Floats{2, 2});
}

TEST_CASE("only what backward needs is saved") {
  const Tensor x = to_tensor({2}, {1, 2});
  const Tensor y = x.clone().requires_grad_();
  const Tensor squared = ts::apply(FusedSquare{}, {&y});
  CHECK(squared.impl()->grad_node->inputs()[0].saved != nullptr);
  const Tensor scaled = ts::apply(Scale{2}, {&y});
  CHECK(scaled.impl()->grad_node->inputs()[0].saved == nullptr);
}

TEST_CASE("errors of a user's function read like the library's own", "[cpu]") {
  const Tensor a = to_tensor({2}, {1, 2}), b = to_tensor({3}, {1, 2, 3});
  expect_error([&] { ts::apply_all(SumAndDifference{}, {&a, &b}); },
               "ShapeError: sum_and_difference\n"
               "  expected  in[0].shape() == in[1].shape()\n"
               "  actual    [2] != [3]\n"
               "  a: f32[2] cpu   b: f32[3] cpu\n"
               "  called at <here>");
}
