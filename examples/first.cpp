// The program of the README: a network, an optimizer, a loop.
#include <tasuki/tasuki.hpp>
#include <cstdio>
namespace ts = tasuki;

struct Net : ts::nn::Module {
  ts::nn::Linear fc1{this, "fc1", 2, 64};
  ts::nn::Linear fc2{this, "fc2", 64, 2};
  ts::Tensor operator()(const ts::Tensor& x) { return fc2(ts::relu(fc1(x))); }
};

int main() {
  ts::manual_seed(7);
  Net net;
  ts::optim::AdamW opt{net.parameters(), {.lr = 1e-2}};
  auto x = ts::randn({512, 2});
  auto t = ts::sum(x * x, {1}).gt(1.4f).to(ts::i64);   // inside or outside a circle
  for (int step = 0; step < 300; ++step) {
    opt.zero_grad();
    auto loss = ts::cross_entropy(net(x), t);
    loss.backward();
    opt.step();
    if (step % 100 == 99) std::printf("loss %.4f\n", loss.item<float>());
  }
  ts::save(net, "circle.safetensors");
}
