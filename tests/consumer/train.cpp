// A stranger's program: trains a network, saves it, and catches one of Tasuki's errors by its type.
#include <tasuki/tasuki.hpp>

#include <cstdio>

namespace ts = tasuki;

struct Net : ts::nn::Module {
  ts::nn::Linear hidden{this, "hidden", 2, 32};
  ts::nn::Linear out{this, "out", 32, 2};
  ts::Tensor operator()(const ts::Tensor& x) { return out(ts::relu(hidden(x))); }
};

int main() {
  ts::manual_seed(1);
  Net net;
  ts::optim::SGD optimizer{net.parameters(), {.lr = 0.2, .momentum = 0.9}};
  const auto x = ts::randn({256, 2});
  const auto inside_circle = ts::sum(x * x, {1}).gt(1.4f).to(ts::i64);
  float first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    optimizer.zero_grad();
    auto loss = ts::cross_entropy(net(x), inside_circle);
    loss.backward();
    optimizer.step();
    last = loss.item<float>();
    if (step == 0) first = last;
  }
  ts::save(net, "consumer.safetensors");
  std::printf("loss %.4f -> %.4f\n", first, last);

  bool caught = false;  // typeinfo of the library's exceptions must be one across the library's boundary
  try {
    ts::matmul(ts::randn({2, 3}), ts::randn({4, 5}));
  } catch (const ts::ShapeError&) {
    caught = true;
  }
  return last < 0.5f * first && caught ? 0 : 1;
}
