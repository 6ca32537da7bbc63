// What a module knows of itself: names, parameters, moves, modes, and what is done to all of it.
#include "tasuki/nn/module.hpp"

#include <string>
#include <type_traits>
#include <vector>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/nn/embedding.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/optim/sgd.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using ts::Tensor;
using Names = std::vector<std::string>;

namespace {

struct Encoder : nn::Module {
  nn::Linear fc1{this, "fc1", 4, 3}, fc2{this, "fc2", 3, 2};
  Encoder(nn::Module* parent, std::string_view name) : Module(parent, name) {}
  Tensor operator()(const Tensor& x) { return fc2(fc1(x)); }
};

struct Net : nn::Module {
  Encoder encoder{this, "encoder"};
  nn::BatchNorm1d norm{this, "norm", 2};
  nn::Parameter scale{this, "scale", ts::ones({2})};
  nn::Buffer table{this, "table", ts::zeros({3}, {.dtype = ts::i64})};
  Tensor operator()(const Tensor& x) { return norm(encoder(x)); }
};

Names names_of(const std::vector<ts::NamedTensor>& list) {
  Names names;
  for (const auto& [name, tensor] : list) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("parameters and buffers are named by their paths, in the order of declaration") {
  const Net net;
  CHECK(names_of(net.named_parameters()) ==
        Names{"scale", "encoder.fc1.weight", "encoder.fc1.bias", "encoder.fc2.weight", "encoder.fc2.bias", "norm.weight", "norm.bias"});
  CHECK(names_of(net.named_buffers()) == Names{"table", "norm.running_mean", "norm.running_var"});
  CHECK(net.named_state().size() == 10);
  CHECK(net.parameters().size() == 7);
  CHECK(net.parameter_count() == 2 + 12 + 3 + 6 + 2 + 2 + 2);
}

TEST_CASE("modules are listed parents first, with their classes") {
  Net net;
  Names found;
  for (const auto& [name, module] : net.named_modules()) found.push_back(name + ":" + module->type_name());
  CHECK(found == Names{":Net", "encoder:Encoder", "encoder.fc1:Linear", "encoder.fc2:Linear", "norm:BatchNorm1d"});
  REQUIRE(net.children().size() == 2);
  CHECK(net.children()[0] == &net.encoder);
}

TEST_CASE("a walk over the network tells its modules where they are") {
  Net net;
  CHECK(std::string(net.encoder.fc2.path()) == "fc2");
  (void)net.parameters();
  CHECK(std::string(net.encoder.fc2.path()) == "encoder.fc2");
  CHECK(names_of(net.encoder.named_parameters())[0] == "fc1.weight");
  CHECK(std::string(net.encoder.fc2.path()) == "encoder.fc2");
}

TEST_CASE("modules move and do not copy") {
  STATIC_REQUIRE(std::is_move_constructible_v<Net>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Net>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<nn::Linear>);

  Net net;
  const std::vector<Tensor> before = net.parameters();
  Net moved = std::move(net);
  const std::vector<Tensor> after = moved.parameters();
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i) CHECK(after[i].is_same(before[i]));
  CHECK(moved.children()[0] == &moved.encoder);
  CHECK(moved.scale.is_same(before[0]));
  CHECK(net.parameters().empty());  // NOLINT: a module that was moved from has nothing left
}

TEST_CASE("modules live in vectors, which move them") {
  std::vector<Net> nets;
  for (int i = 0; i < 5; ++i) nets.emplace_back();
  for (Net& net : nets) {
    CHECK(net.named_parameters()[1].tensor.is_same(net.encoder.fc1.weight));
    CHECK(net.named_modules()[2].module == &net.encoder.fc1);
  }
}

TEST_CASE("parameters require gradients, buffers do not") {
  const Net net;
  for (const Tensor& p : net.parameters()) CHECK((p.requires_grad() && p.is_leaf()));
  for (const Tensor& b : net.buffers()) CHECK_FALSE(b.requires_grad());
}

TEST_CASE("a parameter that two layers share is listed and saved once, and found under both names") {
  struct Tied : nn::Module {
    nn::Embedding embedding{this, "embedding", 5, 3};
    nn::Linear head{this, "head", 3, 5, {.bias = false}};
    Tied() { head.weight = embedding.weight; }
  };
  Tied net;
  CHECK(names_of(net.named_parameters()) == Names{"embedding.weight"});
  CHECK(names_of(net.named_state_with_aliases()) == Names{"embedding.weight", "head.weight"});
  ts::sum(net.head(ts::ones({1, 3}))).backward();
  CHECK(net.embedding.weight.grad().defined());
}

TEST_CASE("train and eval reach every module") {
  Net net;
  CHECK(net.is_training());
  net.eval();
  for (const auto& [name, module] : net.named_modules()) CHECK_FALSE(module->is_training());
  net.train();
  CHECK(net.norm.is_training());
}

TEST_CASE("freezing takes parameters off the tape, and unfreezing puts them back") {
  Net net;
  net.encoder.freeze();
  CHECK_FALSE(net.encoder(ts::ones({2, 4})).requires_grad());
  CHECK(net.scale.requires_grad());
  net.encoder.unfreeze();
  CHECK(net.encoder(ts::ones({2, 4})).requires_grad());
}

TEST_CASE("zero_grad makes gradients undefined") {
  Net net;
  ts::sum(net.encoder(ts::ones({2, 4}))).backward();
  REQUIRE(net.encoder.fc1.weight.grad().defined());
  net.zero_grad();
  CHECK_FALSE(net.encoder.fc1.weight.grad().defined());
}

TEST_CASE("apply visits children before their parents") {
  Net net;
  Names visited;
  net.apply([&](nn::Module& m) { visited.push_back(m.type_name()); });
  CHECK(visited == Names{"BatchNorm1d", "Linear", "Linear", "Encoder", "Net"});
}

TEST_CASE("to(dtype) casts floating tensors inside the same handles") {
  Net net;
  const Tensor weight = net.encoder.fc1.weight;
  const auto values = weight.to_vector<float>();
  net.to(ts::f64);
  CHECK(weight.dtype() == ts::f64);
  CHECK(net.encoder.fc1.weight.is_same(weight));
  CHECK(weight.requires_grad());
  CHECK(net.norm.running_var.dtype() == ts::f64);
  CHECK(net.table.dtype() == ts::i64);
  net.to(ts::f32);
  CHECK(weight.to_vector<float>() == values);
}

TEST_CASE("an optimizer goes on with a network that was cast after it was made") {
  nn::Linear layer{2, 1, {.bias = false}};
  ts::optim::SGD opt{layer.parameters(), {.lr = 1, .momentum = 0.5}};
  ts::sum(layer(ts::ones({1, 2}))).backward();
  opt.step();
  layer.to(ts::f64);
  CHECK(layer.weight.grad().dtype() == ts::f64);
  const auto before = layer.weight.to_vector<double>();
  opt.zero_grad();
  ts::sum(layer(ts::ones({1, 2}, {.dtype = ts::f64}))).backward();
  opt.step();
  CHECK(layer.weight.to_vector<double>()[0] == Approx(before[0] - 1.5));  // the momentum of the first step came along
}

TEST_CASE("to() of the same device or dtype changes nothing") {
  nn::Linear layer{2, 2};
  const auto version = layer.weight.version();
  const void* storage = &layer.weight.storage();
  layer.to(ts::Device::cpu()).to(ts::f32);
  CHECK(&layer.weight.storage() == storage);
  CHECK(layer.weight.version() == version);
}

TEST_CASE("a parameter keeps its name when a tensor is assigned, and starts to require a gradient") {
  Net net;
  net.scale = ts::zeros({2});
  CHECK(net.scale.requires_grad());
  CHECK(net.named_parameters()[0].tensor.is_same(net.scale));
}
