// The models learn: they can memorize a few samples, whatever optimizer drives them.
#include <vector>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/models/lenet.hpp"
#include "tasuki/models/mlp.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/optim/adam.hpp"
#include "tasuki/optim/sgd.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
using ts::Tensor;

namespace {

template <class Net>
std::vector<float> losses(Net& net, ts::optim::Optimizer& opt, const Tensor& x, const Tensor& t, int steps) {
  std::vector<float> list;
  for (int step = 0; step < steps; ++step) {
    opt.zero_grad();
    const Tensor loss = ts::cross_entropy(net(x), t);
    loss.backward();
    opt.step();
    list.push_back(loss.template item<float>());
  }
  return list;
}

}  // namespace

TEST_CASE("LeNet memorizes 16 random images") {
  ts::manual_seed(1);
  ts::models::LeNet net;
  ts::optim::AdamW opt{net.parameters(), {.lr = 3e-3}};
  const Tensor x = ts::randn({16, 1, 28, 28}), t = ts::randint(0, 10, {16});
  const auto list = losses(net, opt, x, t, 40);
  CHECK(list.front() > 2);
  CHECK(list.back() < 0.05);
}

TEST_CASE("the loss of an MLP falls with every optimizer") {
  const auto train = [](auto make) {
    ts::manual_seed(2);
    ts::models::MLP net{{8, 32, 3}};
    auto opt = make(net.parameters());
    const Tensor x = ts::randn({32, 2, 4}), t = ts::randint(0, 3, {32});
    const auto list = losses(net, opt, x, t, 30);
    CHECK(list.back() < 0.7f * list.front());
  };
  train([](const std::vector<Tensor>& p) { return ts::optim::SGD{p, {.lr = 0.3}}; });
  train([](const std::vector<Tensor>& p) { return ts::optim::SGD{p, {.lr = 0.1, .momentum = 0.9, .nesterov = true}}; });
  train([](const std::vector<Tensor>& p) { return ts::optim::Adam{p, {.lr = 1e-2}}; });
  train([](const std::vector<Tensor>& p) { return ts::optim::AdamW{p, {.lr = 1e-2}}; });
}

TEST_CASE("two runs from the same seed have the same losses, bit for bit") {
  const auto run = [] {
    ts::manual_seed(3);
    ts::models::LeNet net;
    ts::optim::SGD opt{net.parameters(), {.lr = 0.05, .momentum = 0.9}};
    const Tensor x = ts::randn({8, 1, 28, 28}), t = ts::randint(0, 10, {8});
    return losses(net, opt, x, t, 5);
  };
  CHECK(run() == run());
}

TEST_CASE("the parameters of LeNet have the names and shapes that a checkpoint shows") {
  const ts::models::LeNet net;
  const auto named = net.named_parameters();
  REQUIRE(named.size() == 10);
  CHECK(named[0].name == "conv1.weight");
  CHECK(named[2].tensor.shape() == ts::Shape{16, 6, 5, 5});
  CHECK(named[9].name == "fc3.bias");
}
