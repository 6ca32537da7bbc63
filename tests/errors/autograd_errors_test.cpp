// What a user reads after a mistake with the tape, word for word.
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/node.hpp"
#include "tasuki/ops/unary.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;

static Tensor leaf() { return to_tensor({2}, {1, 2}).requires_grad_(); }

TEST_CASE("backward of what nothing computed") {
  const Tensor x = to_tensor({1}, {1});
  expect_error([&] { x.backward(); },
               "AutogradError: backward\n"
               "  expected  a tensor that depends on one that requires a gradient\n"
               "  actual    f32[1] cpu, which nothing on the tape computed\n"
               "  is it made under NoGrad, detached, or does no input have requires_grad_()?\n"
               "  called at <here>");
}

TEST_CASE("backward of many elements without a gradient to start from") {
  const Tensor y = leaf() * 2;
  expect_error([&] { y.backward(); },
               "ShapeError: backward\n"
               "  expected  a tensor of one element, or a gradient to start from\n"
               "  actual    f32[2] cpu\n"
               "  reduce it first (ts::sum, ts::mean), or pass the gradient\n"
               "  called at <here>");
}

TEST_CASE("a gradient to start from that is not like the output") {
  const Tensor y = leaf() * 2;
  expect_error([&] { y.backward(to_tensor({3}, {1, 1, 1})); },
               "ShapeError: backward\n"
               "  expected  a gradient like the output, f32[2] cpu\n"
               "  actual    f32[3] cpu\n"
               "  called at <here>");
}

TEST_CASE("a second backward over a tape that was used up") {
  const Tensor x = leaf();
  const Tensor y = ts::exp(x);
  y.sum().backward();
  expect_error([&] { y.sum().backward(); },
               "AutogradError: exp\n"
               "  its backward ran before, and what it saved was released\n"
               "  pass {.retain_graph = true} to the first backward to run it again\n"
               "  called at <here>");
}

TEST_CASE("an in-place write over what backward needs") {
  const Tensor x = leaf();
  const Tensor y = ts::exp(x);
  y.add_(1);
  expect_error([&] { y.sum().backward(); },
               "AutogradError: exp\n"
               "  backward of exp needs its output 0 as it was, but add_ has overwritten it\n"
               "  expected  version 0 of f32[2]\n"
               "  actual    version 1\n"
               "  use the out-of-place form of add_, or write into a clone()\n"
               "  called at <here>");
}

TEST_CASE("an in-place write on a leaf") {
  const Tensor x = leaf();
  expect_error([&] { x.mul_(2); },
               "AutogradError: mul_\n"
               "  mul_ would overwrite a leaf that requires a gradient\n"
               "  wrap it in ts::NoGrad to change a parameter, or use the out-of-place form\n"
               "  a: f32[2] cpu\n"
               "  called at <here>");
}

TEST_CASE("a gradient of an integer tensor") {
  expect_error([&] { to_tensor({1}, {1}, ts::i64).requires_grad_(); },
               "DTypeError: requires_grad_\n"
               "  expected  a floating dtype\n"
               "  actual    i64\n"
               "  only f32, f64, bf16 and f16 have gradients; cast with .to(ts::f32)\n"
               "  x: i64[1] cpu\n"
               "  called at <here>");
}

TEST_CASE("taking requires_grad back from a result") {
  const Tensor y = leaf() * 2;
  expect_error([&] { y.requires_grad_(false); },
               "AutogradError: requires_grad_\n"
               "  expected  a leaf\n"
               "  actual    a tensor that a recorded op computed\n"
               "  use detach() to get the same elements off the tape\n"
               "  x: f32[2] cpu\n"
               "  called at <here>");
}

TEST_CASE("grad of an input that nothing depends on, or that wants no gradient") {
  const Tensor x = leaf(), other = leaf(), plain = to_tensor({2}, {1, 2});
  expect_error([&] { ts::grad({x.sum()}, {x, other}); },
               "AutogradError: grad\n"
               "  no output depends on input 1, f32[2] cpu\n"
               "  pass {.allow_unused = true} to get an undefined gradient for it\n"
               "  called at <here>");
  expect_error([&] { ts::grad({x.sum()}, {plain}); },
               "AutogradError: grad\n"
               "  expected  inputs that require a gradient\n"
               "  actual    input 0, f32[2] cpu, does not\n"
               "  called at <here>");
}

TEST_CASE("the number of gradients to start from") {
  const Tensor x = leaf();
  CHECK(error_text([&] { ts::backward({x.sum(), x.sum()}, {to_tensor(ts::Shape{}, {1})}); }) ==
        "ValueError: expected  one gradient per output\n  actual    1 gradients for 2 outputs");
}

TEST_CASE("a wrong gradient under gradcheck shows the entry and both numbers") {
  const auto forgotten = [](const std::vector<Tensor>& in) { return in[0] * in[0].detach(); };
  const std::string text = error_text([&] { ts::gradcheck(forgotten, {to_tensor({2}, {1, 2}, ts::f64)}); });
  CHECK_THAT(text, Catch::Contains("d output[0] / d input 0 [0]") && Catch::Contains("expected  2") && Catch::Contains("actual    1 by backward"));
}

TEST_CASE("replay of what was never recorded") {
  CHECK(error_text([&] { ts::replay(to_tensor({1}, {1})); }) ==
        "AutogradError: only a tensor that a recorded op computed can be replayed, not f32[1] cpu");
}
