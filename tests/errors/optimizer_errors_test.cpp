// What optimizers and schedules say when they are asked for what cannot be, or given what they do not take.
#include "tasuki/ops/binary.hpp"
#include "tasuki/optim/adadelta.hpp"
#include "tasuki/optim/adagrad.hpp"
#include "tasuki/optim/adam.hpp"
#include "tasuki/optim/adam_variants.hpp"
#include "tasuki/optim/asgd.hpp"
#include "tasuki/optim/lion.hpp"
#include "tasuki/optim/rmsprop.hpp"
#include "tasuki/optim/rprop.hpp"
#include "tasuki/optim/schedule.hpp"
#include "tasuki/optim/sgd.hpp"
#include "tasuki/optim/step_in_backward.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/errors/misuse.hpp"

namespace ts = tasuki;

namespace tasuki::testing::optimizer_errors {
namespace {

using namespace misuse;

const Misuse misuses[] = {
    {"SGD", [] { optim::SGD(weights(), {.momentum = 1}); },
     "ValueError: SGD\n  expected  0 <= momentum < 1\n  actual    1"},
    {"Adam", [] { optim::Adam(weights(), {.beta1 = 1}); },
     "ValueError: Adam\n  expected  0 <= beta1 < 1\n  actual    1"},
    {"AdamW", [] { optim::AdamW(weights(), {.weight_decay = -1}); },
     "ValueError: AdamW\n  expected  0 <= weight_decay\n  actual    -1"},
    {"NAdam", [] { optim::NAdam(weights(), {.momentum_decay = -1}); },
     "ValueError: NAdam\n  expected  0 <= momentum_decay\n  actual    -1"},
    {"RAdam", [] { optim::RAdam(weights(), {.eps = -1}); },
     "ValueError: RAdam\n  expected  0 <= eps\n  actual    -1"},
    {"Adamax", [] { optim::Adamax(weights(), {.beta2 = 2}); },
     "ValueError: Adamax\n  expected  0 <= beta2 < 1\n  actual    2"},
    {"Adadelta", [] { optim::Adadelta(weights(), {.rho = 1}); },
     "ValueError: Adadelta\n  expected  0 <= rho < 1\n  actual    1"},
    {"Adagrad", [] { optim::Adagrad(weights(), {.lr_decay = -1}); },
     "ValueError: Adagrad\n  expected  0 <= lr_decay\n  actual    -1"},
    {"RMSprop", [] { optim::RMSprop(weights(), {.alpha = 1.5}); },
     "ValueError: RMSprop\n  expected  0 <= alpha < 1\n  actual    1.5"},
    {"Lion", [] { optim::Lion(weights(), {.beta2 = 1}); },
     "ValueError: Lion\n  expected  0 <= beta2 < 1\n  actual    1"},
    {"ASGD", [] { optim::ASGD(weights(), {.lambd = -1}); },
     "ValueError: ASGD\n  expected  0 <= lambd\n  actual    -1"},
    {"Rprop", [] { optim::Rprop(weights(), {.etaminus = 1}); },
     "ValueError: Rprop\n  expected  0 <= etaminus < 1\n  actual    1"},
    {"SGD", [] { optim::SGD(std::vector<Tensor>{}); },
     "ValueError: SGD\n  the list of parameters is empty\n  a network whose layers are members made with `this` lists them in parameters()"},
    {"SGD", [] { optim::SGD(weights(), {.lr = -1}); },
     "ValueError: SGD\n  expected  0 <= lr\n  actual    -1"},
    {"SGD", [] { optim::SGD(weights(), {.nesterov = true}); },
     "ValueError: SGD\n  nesterov needs a momentum, and takes no dampening"},
    {"SGD", [] { optim::SGD opt{weights()}; opt.set_lr(1, 0.5); },
     "IndexError: expected  a group below 1, the number of groups of this SGD\n  actual    1"},
    {"Rprop", [] { optim::Rprop(weights(), {.min_step = 2, .max_step = 1}); },
     "ValueError: Rprop\n  expected  2 <= max_step\n  actual    1"},
    {"AdamW", [] { optim::AdamW(std::vector<Tensor>{x({2}).requires_grad_() * 2}); },
     "AutogradError: AdamW\n  parameter 0 (f32[2] cpu) was computed by a recorded op; give the leaf that it was computed from"},
    {"AdamW", [] { optim::AdamW({labels({2})}); },
     "DTypeError: AdamW\n  parameter 0 is i64[2] cpu; only floating tensors are trained"},
    {"StepLR", [] { optim::SGD opt{weights()}; optim::StepLR(opt, {.step_size = 0}); },
     "ValueError: expected  options.step_size >= 1\n  actual    0 < 1\n  StepLR"},
    {"StepLR", [] { optim::SGD opt{weights()}; optim::StepLR(opt, {.gamma = -1}); },
     "ValueError: expected  options.gamma >= 0.0\n  actual    -1 < 0\n  StepLR"},
    {"LinearWarmup", [] { optim::SGD opt{weights()}; optim::LinearWarmup(opt, {.steps = 0}); },
     "ValueError: expected  options.steps >= 1\n  actual    0 < 1\n  LinearWarmup"},
    {"CosineAnnealing", [] { optim::SGD opt{weights()}; optim::CosineAnnealing(opt, {.steps = 5, .warmup = 5}); },
     "ValueError: expected  options.steps > options.warmup\n  actual    5 <= 5\n  CosineAnnealing needs steps after its warm-up"},
    {"MultiStepLR", [] { optim::SGD opt{weights()}; optim::MultiStepLR(opt, {.milestones = {3}, .gamma = -1}); },
     "ValueError: expected  options.gamma >= 0.0\n  actual    -1 < 0\n  MultiStepLR"},
    {"PolynomialLR", [] { optim::SGD opt{weights()}; optim::PolynomialLR(opt, {.steps = 0}); },
     "ValueError: expected  options.steps >= 1\n  actual    0 < 1\n  PolynomialLR"},
    {"CosineAnnealingWarmRestarts", [] { optim::SGD opt{weights()}; optim::CosineAnnealingWarmRestarts(opt, {.first = 0}); },
     "ValueError: expected  options.first >= 1\n  actual    0 < 1\n  CosineAnnealingWarmRestarts"},
    {"CosineAnnealingWarmRestarts", [] { optim::SGD opt{weights()}; optim::CosineAnnealingWarmRestarts(opt, {.growth = 0}); },
     "ValueError: expected  options.growth >= 1\n  actual    0 < 1\n  CosineAnnealingWarmRestarts"},
    {"OneCycleLR", [] { optim::SGD opt{weights()}; optim::OneCycleLR(opt, {.steps = 1}); },
     "ValueError: expected  options.steps >= 2\n  actual    1 < 2\n  OneCycleLR"},
    {"OneCycleLR", [] { optim::SGD opt{weights()}; optim::OneCycleLR(opt, {.rise = 1}); },
     "ValueError: expected  options.rise > 0 && options.rise < 1\n  OneCycleLR was asked to rise for 1 of its steps"},
    {"ReduceLROnPlateau", [] { optim::SGD opt{weights()}; optim::ReduceLROnPlateau(opt, {.factor = 1}); },
     "ValueError: expected  options.factor > 0 && options.factor < 1\n  ReduceLROnPlateau was asked for the factor 1"},
    {"ExponentialLR", [] { optim::SGD opt{weights()}; optim::ExponentialLR(opt, -0.5); },
     "ValueError: expected  gamma >= 0.0\n  actual    -0.5 < 0\n  ExponentialLR"},
    {"LambdaLR", [] { optim::SGD opt{weights()}; optim::LambdaLR(opt, [](std::int64_t) { return -1.0; }); },
     "ValueError: expected  a schedule's factor of at least 0\n  actual    -1 at step 0"},
    {"StepInBackward", [] { optim::Rprop opt{weights()}; optim::StepInBackward first{opt}, second{opt}; },
     "ValueError: StepInBackward\n  this Rprop steps in backward already"},
};

}  // namespace

TEST_CASE("optimizers and schedules say what they were asked for, and what they take", "[cpu]") { check(misuses); }

}  // namespace tasuki::testing::optimizer_errors
