// What a user reads after a mistake with an optimizer that steps in backward, word for word.
#include <tasuki/tasuki.hpp>

#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;

namespace {

struct Training {
  ts::nn::Linear net{2, 2};
  ts::optim::SGD opt{net.parameters(), {.lr = 1}};
  ts::optim::StepInBackward eager{opt};
  Tensor x = ts::ones({3, 2}, {.requires_grad = true});
  Tensor loss() { return ts::sum(net(x)); }
};

}  // namespace

TEST_CASE("clipping gradients that backward uses up") {
  Training t;
  t.loss().backward();
  const std::string rest = "  there are no gradients after backward(): SGD uses each of them up as soon as it is there (StepInBackward)\n"
                           "  clip by a hook of each parameter, or end the StepInBackward\n"
                           "  called at <here>";
  expect_error([&] { ts::optim::clip_grad_norm_(t.net.parameters(), 1); }, "ValueError: clip_grad_norm_\n" + rest);
  expect_error([&] { ts::optim::clip_grad_value_(t.net.parameters(), 1); }, "ValueError: clip_grad_value_\n" + rest);
  expect_error([&] { ts::optim::grad_norm(t.net.parameters()); }, "ValueError: grad_norm\n" + rest);
}

TEST_CASE("a second backward of a graph whose parameters have been updated") {
  Training t;
  const Tensor loss = ts::sum(t.net(t.x));
  loss.backward({.retain_graph = true});
  expect_error([&] { loss.backward(); },
               "AutogradError: linear\n"
               "  backward of linear needs its input 1 as it was, but sgd_step has overwritten it\n"
               "  expected  version 0 of f32[2, 2]\n"
               "  actual    version 1\n"
               "  update a parameter after the last backward of the graphs that were computed from it\n"
               "  called at <here>");
}

TEST_CASE("a second gradient in one step") {
  Training t;
  t.loss().backward();
  const std::string body = "the parameter f32[2, 2] cpu has got another gradient after backward had updated it in this step\n"
                           "  call step() after each backward(); to accumulate gradients, run all backward passes but the last one under no_step()";
  expect_error([&] { t.loss().backward(); }, "AutogradError: " + body);
  t.opt.step();
  t.loss().backward();
  t.net.weight.set_grad(ts::ones({2, 2}));
  expect_error([&] { t.opt.step(); }, "AutogradError: SGD\n  " + body + "\n  called at <here>");
}

TEST_CASE("gradients that a second backward needs, used up by the first") {
  Training t;
  expect_error([&] { ts::sum(ts::square(t.net(t.x))).backward({.create_graph = true}); },
               "AutogradError: create_graph keeps gradients for a graph of their own, and SGD uses them up in backward\n"
               "  take them by ts::grad(outputs, inputs, {.create_graph = true}), or run this backward under no_step()");
}

TEST_CASE("what cannot be done between backward and step") {
  Training t;
  t.loss().backward();
  const std::string rest = " in the middle of a step: backward has updated 2 of 2 parameters, and used their gradients up\n  call step() first, which ends the step";
  expect_error([&] { t.opt.zero_grad(); }, "AutogradError: zero_grad()" + rest);
  expect_error([&] { t.opt.named_state(); }, "AutogradError: named_state()" + rest);
  expect_error([&] { t.opt.set_lr(0.5); }, "AutogradError: SGD\n  a new learning rate" + rest + "\n  called at <here>");
}

TEST_CASE("parameters that have moved when backward comes to them") {
  Training t;
  t.net.to(ts::f64);
  t.x = ts::ones({3, 2}, {.dtype = ts::f64});
  expect_error([&] { t.loss().backward(); },
               "AutogradError: parameters have moved to another device, dtype or shape, and SGD, which updates them in backward, has not followed\n"
               "  call zero_grad() after moving them");
}

TEST_CASE("two optimizers that step in backward for one parameter") {
  Training t;
  expect_error([&] { ts::optim::StepInBackward again{t.opt}; }, "ValueError: StepInBackward\n  this SGD steps in backward already\n  called at <here>");
  ts::optim::Adam other{t.net.parameters()};
  expect_error([&] { ts::optim::StepInBackward second{other}; },
               "ValueError: StepInBackward\n"
               "  the parameter f32[2, 2] cpu is updated in backward by another SGD already\n"
               "  called at <here>");
}
