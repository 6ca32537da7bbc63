#include <type_traits>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/models/gpt2.hpp"
#include "tasuki/models/lenet.hpp"
#include "tasuki/models/mlp.hpp"
#include "tasuki/nn/activation.hpp"
#include "tasuki/nn/attention.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/nn/embedding.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/nn/pool.hpp"
#include "tasuki/nn/shape.hpp"
#include "tasuki/nn/transformer.hpp"
#include "tasuki/nn/upsample.hpp"
#include "tasuki/ops/random.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using ts::Tensor;

namespace {

/// Equal names and values, no tensor in common, the same modes and requires_grad.
void check_is_deep_copy(const nn::Module& original, const nn::Module& copy) {
  const auto a = original.named_state(), b = copy.named_state();
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    INFO(a[i].name);
    CHECK(a[i].name == b[i].name);
    CHECK_FALSE(a[i].tensor.shares_storage(b[i].tensor));
    CHECK(a[i].tensor.to_vector<float>() == b[i].tensor.to_vector<float>());
    CHECK(a[i].tensor.requires_grad() == b[i].tensor.requires_grad());
  }
  CHECK(original.is_training() == copy.is_training());
}

struct ClonedNet : nn::Module {
  nn::Linear a{this, "a", 3, 4}, b{this, "b", 4, 4}, c{this, "c", 4, 4};
  nn::Parameter scale{this, "scale", ts::ones({4})};
  Tensor operator()(const Tensor& x) { return c(b(a(x))); }
};

struct Wide : nn::Module {
  int width;
  nn::Linear a;
  explicit Wide(int w) : width(w), a(this, "a", w, w) {}
  Tensor operator()(const Tensor& x) { return a(x); }
};

}  // namespace

TEST_CASE("a user's struct is cloned without code of its own") {
  ClonedNet net;
  net.a.freeze();
  net.eval();
  ClonedNet copy = nn::clone(net);
  STATIC_REQUIRE(std::is_same_v<decltype(nn::clone(net)), ClonedNet>);
  check_is_deep_copy(net, copy);
  copy.a.weight.detach().fill_(0);
  CHECK(net.a.weight.to_vector<float>() != copy.a.weight.to_vector<float>());
}

TEST_CASE("a struct with constructor arguments is cloned from the same arguments") {
  const Wide net{5};
  const Wide copy = nn::clone(net, 5);
  check_is_deep_copy(net, copy);
  CHECK(copy.width == 5);
  CHECK_THROWS_AS(nn::clone(net, 6), ts::ValueError);
}

TEST_CASE("ties between parameters are ties in the copy") {
  ClonedNet net;
  net.c.weight = net.b.weight;
  const ClonedNet copy = nn::clone(net);
  CHECK(copy.c.weight.is_same(copy.b.weight));
  CHECK_FALSE(copy.c.weight.is_same(net.c.weight));
}

TEST_CASE("cloning leaves the random stream where it was") {
  const ClonedNet net;
  ts::manual_seed(5);
  const auto expected = ts::rand({4}).to_vector<float>();
  ts::manual_seed(5);
  (void)nn::clone(net);
  CHECK(ts::rand({4}).to_vector<float>() == expected);
}

TEST_CASE("containers clone what they hold, users' structs included") {
  nn::Sequential net{nn::Linear{3, 3, {.bias = false}}, nn::BatchNorm1d{3}, nn::ReLU{},    nn::LeakyReLU{0.2}, nn::Dropout{0.25},
                     nn::LayerNorm{3},                  nn::Softmax{1},      nn::Identity{}, nn::Softplus{2, 10}, ClonedNet{}};
  nn::Sequential inner{nn::Flatten{}, nn::ELU{}, nn::GELU{}, nn::SiLU{}, nn::Sigmoid{}, nn::Tanh{}, nn::LogSoftmax{1}};
  net.append(std::move(inner));
  const nn::Sequential copy = nn::clone(net);
  check_is_deep_copy(net, copy);
  CHECK(copy.size() == net.size());
  CHECK(copy[9].type_name() == "ClonedNet");
  CHECK(static_cast<nn::Dropout&>(copy[4]).p() == 0.25);
  CHECK(static_cast<nn::Sequential&>(copy[10]).size() == 7);
}

TEST_CASE("images' layers clone with their options") {
  nn::Sequential net{nn::Conv2d{2, 4, {.kernel = {3, 5}, .stride = 2, .groups = 2, .bias = false}}, nn::BatchNorm2d{4, {.affine = false}}, nn::MaxPool2d{2},
                     nn::AvgPool2d{2}, nn::AdaptiveAvgPool2d{1}};
  const nn::Sequential copy = nn::clone(net);
  check_is_deep_copy(net, copy);
  const auto& options = static_cast<nn::Conv2d&>(copy[0]).options();
  CHECK(options.kernel == ts::SpatialInts{3, 5});
  CHECK(options.groups == 2);
}

TEST_CASE("layers of transformers and normalizations clone with their options") {
  nn::Sequential net{nn::RMSNorm{6, {.eps = 0.1}}, nn::TransformerEncoderLayer{6, 2, {.feed_forward = 5, .norm_first = true}}, nn::MultiheadAttention{6, 3, {.bias = false}}};
  check_is_deep_copy(net, nn::clone(net));
  nn::Sequential images{nn::GroupNorm{2, 4, {.eps = 0.1}}, nn::InstanceNorm2d{4, {.affine = true}}, nn::Upsample{{.scale = 2}}};
  check_is_deep_copy(images, nn::clone(images));
  const ts::models::GPT2 gpt{{.vocabulary = 5, .context = 3, .layers = 2, .heads = 1, .width = 4}};
  check_is_deep_copy(gpt, nn::clone(gpt));
}

TEST_CASE("lists, tables and models clone") {
  nn::ModuleList list;
  list.append(nn::Embedding{5, 3, {.padding_idx = 1}});
  list.append(nn::Linear{2, 2});
  check_is_deep_copy(list, nn::clone(list));
  const ts::models::MLP mlp{{4, 8, 2}};
  check_is_deep_copy(mlp, nn::clone(mlp));
  const ts::models::LeNet lenet;
  check_is_deep_copy(lenet, nn::clone(lenet));
}

TEST_CASE("a struct that derives from a container is cloned as itself") {
  struct Tower : nn::Sequential {
    int height = 2;
    Tower() { append(nn::Linear{2, 2}); }
  };
  Tower tower;
  const Tower copy = nn::clone(tower);
  check_is_deep_copy(tower, copy);
}

TEST_CASE("a struct in a container that only its constructor arguments can make says how to clone it") {
  nn::Sequential net;
  net.append(Wide{3});
  CHECK_THROWS_AS(net.clone(), ts::ValueError);
}
