// Misuse of modules and optimizers, as the user reads it.
#include <cstdio>
#include <string>

#include "tasuki/io/save.hpp"
#include "tasuki/nn/activation.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/conv.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/nn/embedding.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/optim/adam.hpp"
#include "tasuki/optim/clip.hpp"
#include "tasuki/optim/schedule.hpp"
#include "tasuki/optim/sgd.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using ts::Tensor;
using ts::testing::expect_error;

namespace {

struct Encoder : nn::Module {
  nn::Linear fc1{this, "fc1", 784, 100}, fc2{this, "fc2", 100, 10};
  Encoder(nn::Module* parent, std::string_view name) : Module(parent, name) {}
};
struct Net : nn::Module {
  Encoder encoder{this, "encoder"};
};

}  // namespace

TEST_CASE("two members of one name") {
  struct Twice : nn::Module {
    nn::Linear a{this, "fc", 2, 2}, b{this, "fc", 2, 2};
  };
  expect_error([] { Twice net; },
               "ValueError: Twice cannot have a member named \"fc\"\n"
               "  it already has one; names of layers, parameters and buffers differ within a module");
}

TEST_CASE("names that a path cannot hold") {
  struct Dotted : nn::Module {
    nn::Dropout d{this, "a.b"};
  };
  expect_error([] { Dotted net; },
               "ValueError: Dotted cannot have a member named \"a.b\"\n"
               "  dots separate the names in a path such as encoder.fc2");
  struct Nameless : nn::Module {
    nn::Parameter p{this, "", ts::ones({1})};
  };
  expect_error([] { Nameless net; },
               "ValueError: Nameless cannot have a member named \"\"\n"
               "  a name is what errors, checkpoints and summaries show; give it one");
}

TEST_CASE("a tensor registered twice") {
  struct Twice : nn::Module {
    Tensor w = ts::ones({1});
    Twice() {
      register_parameter("w", w);
      register_parameter("v", w);
    }
  };
  expect_error([] { Twice net; },
               "ValueError: the tensor registered as \"v\" is already registered as \"w\" in Twice\n"
               "  to share a parameter between modules, assign it: decoder.weight = encoder.weight");
}

TEST_CASE("a parameter that was computed") {
  struct Computed : nn::Module {
    Tensor x = ts::ones({2}, {.requires_grad = true});
    nn::Parameter p{this, "p", x * 2};
  };
  expect_error([] { Computed net; },
               "AutogradError: expected  a leaf for a parameter\n"
               "  actual    f32[2] cpu, which a recorded op computed\n"
               "  use detach() to start from its values");
}

TEST_CASE("the wrong number of features names the layer's path and both shapes") {
  Net net;
  (void)net.parameters();
  expect_error([&] { net.encoder.fc2(ts::ones({64, 784})); },
               "ShapeError: linear in encoder.fc2\n"
               "  expected  x.size(-1) == weight.size(1)\n"
               "  actual    784 != 100\n"
               "  x: f32[64, 784] cpu   weight: f32[10, 100] cpu   bias: f32[10] cpu\n"
               "  called at <here>");
}

TEST_CASE("an error inside a Sequential names the user's line and the module's number") {
  nn::Sequential net{nn::Linear{4, 3}, nn::ReLU{}, nn::Linear{4, 2}};
  (void)net.parameters();
  expect_error([&] { net(ts::ones({1, 4})); },
               "ShapeError: linear in 2\n"
               "  expected  x.size(-1) == weight.size(1)\n"
               "  actual    3 != 4\n"
               "  x: f32[1, 3] cpu   weight: f32[2, 4] cpu   bias: f32[2] cpu\n"
               "  called at <here>");
}

TEST_CASE("layers that cannot be") {
  expect_error([] { nn::Linear{-1, 2}; },
               "ValueError: expected  in >= 0 && out >= 0\n"
               "  Linear was asked for -1 inputs and 2 outputs");
  expect_error([] { nn::Conv2d(3, 4, {.groups = 2}); },
               "ValueError: expected  groups >= 1 && in >= 1 && out >= 1 && in % groups == 0 && out % groups == 0\n"
               "  Conv2d was asked for 3 input and 4 output channels in 2 groups, which must divide both");
  expect_error([] { nn::Dropout{1.5}; },
               "ValueError: expected  p_ >= 0 && p_ <= 1\n"
               "  Dropout was asked for the probability 1.5");
  expect_error([] { nn::Embedding(4, 2, {.padding_idx = 4}); },
               "IndexError: expected  options_.padding_idx < count\n"
               "  actual    4 >= 4\n"
               "  padding_idx is a row of the table");
}

TEST_CASE("a batch normalization for other shapes") {
  nn::Sequential net{nn::BatchNorm2d{3}};
  (void)net.parameters();
  expect_error([&] { net(ts::ones({5, 3})); },
               "ShapeError: BatchNorm2d in 0\n"
               "  expected  x of shape [N, C, H, W]\n"
               "  actual    [5, 3]\n"
               "  x: f32[5, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("containers asked for what they do not have") {
  nn::ModuleList list;
  list.append(nn::ReLU{});
  expect_error([&] { list[1]; },
               "IndexError: expected  an index below 1, the number of modules in ModuleList\n"
               "  actual    1");
  expect_error([&] { list.at<nn::Linear>(0); }, "ValueError: module 0 of ModuleList is a ReLU, not what at<...>() or each<...>() asked for");
}

TEST_CASE("a clone that only the constructor's arguments can make") {
  struct Wide : nn::Module {
    nn::Linear a;
    explicit Wide(int width) : a(this, "a", width, width) {}
    Tensor operator()(const Tensor& x) { return a(x); }
  };
  nn::Sequential net{Wide{3}};
  expect_error([&] { (void)net.clone(); },
               "ValueError: Wide cannot be cloned from here, because only its constructor knows how it is made\n"
               "  use ts::nn::clone(net, constructor arguments...), or override clone() in Wide: return clone_as(*this, constructor arguments...)");
  expect_error([&] { (void)nn::clone(static_cast<Wide&>(net[0]), 4); },
               "ValueError: the clone of Wide was constructed with another structure\n"
               "  a: weight [3, 3] became [4, 4]\n"
               "  give ts::nn::clone the arguments that the original was constructed with");
}

TEST_CASE("a module cast to integers") {
  nn::Linear layer{2, 2};
  expect_error([&] { layer.to(ts::i64); },
               "DTypeError: expected  a floating dtype for a module\n"
               "  actual    i64");
}

TEST_CASE("an optimizer without parameters") {
  struct Empty : nn::Module {};
  Empty net;
  expect_error([&] { ts::optim::AdamW{net.parameters()}; },
               "ValueError: AdamW\n"
               "  the list of parameters is empty\n"
               "  a network whose layers are members made with `this` lists them in parameters()\n"
               "  called at <here>");
}

TEST_CASE("hyperparameters that cannot work") {
  nn::Linear layer{2, 2};
  expect_error([&] { ts::optim::AdamW(layer.parameters(), {.lr = -1e-3}); },
               "ValueError: AdamW\n"
               "  expected  0 <= lr\n"
               "  actual    -0.001\n"
               "  called at <here>");
  expect_error([&] { ts::optim::Adam(layer.parameters(), {.beta2 = 1}); },
               "ValueError: Adam\n"
               "  expected  0 <= beta2 < 1\n"
               "  actual    1\n"
               "  called at <here>");
  expect_error([&] { ts::optim::SGD(layer.parameters(), {.nesterov = true}); },
               "ValueError: SGD\n"
               "  nesterov needs a momentum, and takes no dampening\n"
               "  called at <here>");
  ts::optim::SGD opt{layer.parameters()};
  expect_error([&] { opt.set_lr(-1); },
               "ValueError: SGD\n"
               "  expected  0 <= lr\n"
               "  actual    -1\n"
               "  called at <here>");
  expect_error([&] { opt.set_lr(1, 0.5); },
               "IndexError: expected  a group below 1, the number of groups of this SGD\n"
               "  actual    1");
  expect_error([&] { ts::optim::StepLR(opt, {.step_size = 0}); },
               "ValueError: expected  options.step_size >= 1\n"
               "  actual    0 < 1\n"
               "  StepLR");
}

TEST_CASE("parameters that an optimizer cannot train") {
  const Tensor w = ts::ones({2}, {.requires_grad = true});
  expect_error([&] { ts::optim::SGD{{w * 2}}; },
               "AutogradError: SGD\n"
               "  parameter 0 (f32[2] cpu) was computed by a recorded op; give the leaf that it was computed from\n"
               "  called at <here>");
  expect_error([&] { ts::optim::SGD{{ts::ones({2}, {.dtype = ts::i64})}}; },
               "DTypeError: SGD\n"
               "  parameter 0 is i64[2] cpu; only floating tensors are trained\n"
               "  called at <here>");
  expect_error([&] { ts::optim::SGD{{{{w}, {.lr = 1}}, {{w}, {.lr = 2}}}}; },
               "ValueError: SGD\n"
               "  the parameter f32[2] cpu is in group 0 and in group 1; each parameter has one set of options\n"
               "  called at <here>");
}

TEST_CASE("state of another optimizer") {
  nn::Linear layer{2, 2}, other{3, 2};
  ts::optim::AdamW adam{layer.parameters()};
  ts::optim::SGD sgd{layer.parameters()};
  ts::optim::AdamW of_other{other.parameters()};
  expect_error([&] { adam.load_state(sgd.named_state()); }, "ValueError: the state is not that of this AdamW: it has 3 tensors, and 7 are expected");
  expect_error([&] { adam.load_state(of_other.named_state()); },
               "ValueError: the state is not that of this AdamW: \"exp_avg.0\" is [2, 3] there and [2, 2] here");
}

TEST_CASE("clipping to a negative norm") {
  expect_error([] { ts::optim::clip_grad_norm_({}, -1); },
               "ValueError: clip_grad_norm_\n"
               "  expected  max_norm >= 0\n"
               "  actual    -1\n"
               "  called at <here>");
}

TEST_CASE("the weights of another network") {
  struct Small : nn::Module {
    nn::Linear fc1{this, "fc1", 4, 3};
    nn::Linear head{this, "head", 3, 2, {.bias = false}};
  };
  struct Large : nn::Module {
    nn::Linear fc1{this, "fc1", 4, 5};
    nn::Linear fc2{this, "fc2", 5, 2, {.bias = false}};
  };
  const std::string file = "nn_errors_small.safetensors";
  Small small;
  ts::save(small, file);
  Large large;
  expect_error([&] { ts::load(large, file); },
               "FileError: nn_errors_small.safetensors does not fit the module\n"
               "  missing in the file (1):\n"
               "    fc2.weight\n"
               "  unexpected in the file (1):\n"
               "    head.weight\n"
               "  of another shape or type (2):\n"
               "    fc1.weight: expected f32[5, 4], the file has f32[3, 4]\n"
               "    fc1.bias: expected f32[5], the file has f32[3]");
  std::remove(file.c_str());
}
