// Networks that train on threads of their own, all through the same plans: each gets the bits that it gets alone.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/models/mlp.hpp"
#include "tasuki/nn/conv.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/optim/sgd.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
using ts::Tensor;

namespace {

/// Large enough for oneDNN's convolutions and matrix products.
struct Convolutional : ts::nn::Module {
  ts::nn::Conv2d conv1{this, "conv1", 8, 16, {.kernel = 3, .padding = 1}};
  ts::nn::BatchNorm2d norm{this, "norm", 16};
  ts::nn::Conv2d conv2{this, "conv2", 16, 32, {.kernel = 3}};
  ts::nn::Linear out{this, "out", 32 * 5 * 5, 10};
  Tensor operator()(const Tensor& x) { return out(ts::flatten(ts::relu(conv2(ts::max_pool2d(ts::relu(norm(conv1(x))), 2))), 1)); }
};

/// A network with its data and optimizer. The seed fixes every number of it.
template <class Net>
struct Training {
  Net net;
  Tensor x, labels;
  ts::optim::SGD optimizer;
  Training(Net n, Tensor images)
      : net(std::move(n)), x(std::move(images)), labels(ts::randint(0, 10, {x.size(0)})), optimizer(net.parameters(), {.lr = 0.05, .momentum = 0.9}) {}

  std::vector<float> losses(int steps) {
    std::vector<float> list;
    for (int step = 0; step < steps; ++step) {
      optimizer.zero_grad();
      const Tensor loss = ts::cross_entropy(net(x), labels);
      loss.backward();
      optimizer.step();
      list.push_back(loss.template item<float>());
    }
    return list;
  }
};

auto convolutional(unsigned seed) {
  ts::manual_seed(seed);
  Convolutional net;
  return std::make_unique<Training<Convolutional>>(std::move(net), ts::randn({8, 8, 14, 14}));
}
auto perceptron(unsigned seed) {
  ts::manual_seed(seed);
  ts::models::MLP net{{64, 128, 10}};
  return std::make_unique<Training<ts::models::MLP>>(std::move(net), ts::randn({32, 64}));
}

/// Trains networks of several seeds one after another, then all at once on as many threads, and compares.
template <class Make>
void check_together(Make make) {
  constexpr unsigned threads = 4;
  constexpr int steps = 12;
  std::vector<std::vector<float>> alone, together(threads);
  for (unsigned seed = 0; seed < threads; ++seed) alone.push_back(make(seed)->losses(steps));
  CHECK(alone[0] != alone[1]);

  std::vector<decltype(make(0u))> trainings;
  for (unsigned seed = 0; seed < threads; ++seed) trainings.push_back(make(seed));
  std::atomic<unsigned> waiting{threads};
  std::vector<std::thread> pool;
  for (unsigned i = 0; i < threads; ++i)
    pool.emplace_back([&, i] {
      --waiting;
      while (waiting) std::this_thread::yield();  // so that they meet in the same plans
      together[i] = trainings[i]->losses(steps);
    });
  for (std::thread& t : pool) t.join();
  for (unsigned i = 0; i < threads; ++i) CHECK(together[i] == alone[i]);
}

}  // namespace

TEST_CASE("convolutional networks of one shape train at once") { check_together(convolutional); }
TEST_CASE("perceptrons of one shape train at once") { check_together(perceptron); }

TEST_CASE("threads that meet a shape for the first time make its plans at once") {
  std::vector<std::vector<float>> losses(4);
  std::vector<std::thread> pool;
  for (auto& list : losses)
    pool.emplace_back([&list] {
      Convolutional net;
      for (const Tensor& p : net.parameters()) {
        const ts::NoGrad off;
        p.fill_(0.01);
      }
      const Tensor x = ts::full({3, 8, 14, 14}, 0.5);
      for (int i = 0; i < 3; ++i) {
        const Tensor loss = ts::cross_entropy(net(x), ts::zeros({3}, {.dtype = ts::i64}));
        loss.backward();
        list.push_back(loss.item<float>());
      }
    });
  for (std::thread& t : pool) t.join();
  for (const auto& list : losses) CHECK(list == losses[0]);
}
