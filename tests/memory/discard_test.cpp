// Gradients that zero_grad has dropped take no memory under a budget until backward writes them again.
#include <cmath>

#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tests/catch.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using tasuki::memory::Manager;

namespace {

struct Net : ts::nn::Module {
  ts::nn::Linear a{this, "a", 256, 256}, b{this, "b", 256, 256};
  ts::Tensor operator()(const ts::Tensor& x) { return b(ts::tanh(a(x))); }
};

constexpr std::size_t gradients_bytes = 2 * 256 * 256 * sizeof(float);  // biases are too small to be moved

}  // namespace

TEST_CASE("dropped gradients: no bytes, the same results, and steps that are planned") {
  const ts::Device device = ts::Device::sim(5, {.bytes = 64_MiB, .poison = true});
  std::vector<float> results[2];
  for (const bool bounded : {false, true}) {
    ts::manual_seed(2);
    Net net;
    net.to(device);
    ts::optim::AdamW opt{net.parameters(), {.lr = 1e-2}};
    const ts::Tensor x = ts::randn({64, 256}).to(device);
    std::optional<ts::memory::Budget> budget;
    if (bounded) budget.emplace(device, 32_MiB);
    for (int step = 0; step < 6; ++step) {
      const std::size_t before = ts::memory::stats(device).current_bytes;
      opt.zero_grad();
      if (bounded) CHECK(before - ts::memory::stats(device).current_bytes == gradients_bytes);
      ts::square(net(x)).mean().backward();
      results[bounded].push_back(net.a.weight.grad().sum().item<float>());
      opt.step();
    }
    results[bounded].push_back(net.b.weight.sum().item<float>());
    if (bounded) {
      CHECK(budget->report().planned_steps == 4);
      CHECK(budget->report().signatures == 1);
      for (const auto& d : budget->report().departures) CHECK(d.swapped_bytes + d.dropped_bytes == 0);
    }
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("dropped gradients: what somebody holds keeps its bytes, and gradients that are added to are kept") {
  const ts::Device device = ts::Device::sim(6, {.bytes = 64_MiB, .poison = true});
  Net net;
  net.to(device);
  ts::optim::SGD opt{net.parameters(), {.lr = 0}};
  const ts::Tensor x = ts::randn({64, 256}).to(device);
  const ts::memory::Budget budget{device, 32_MiB};
  opt.zero_grad();
  ts::square(net(x)).mean().backward();
  const ts::Tensor held = net.a.weight.grad();
  const auto values = held.to(ts::Device::cpu()).to_vector<float>();
  opt.step();
  opt.zero_grad();
  CHECK(held.to(ts::Device::cpu()).to_vector<float>() == values);
  ts::square(net(x)).mean().backward();
  ts::square(net(x)).mean().backward();  // accumulates
  const auto twice = net.b.weight.grad().to(ts::Device::cpu()).to_vector<float>();
  opt.zero_grad();
  ts::square(net(x)).mean().backward();
  const auto once = net.b.weight.grad().to(ts::Device::cpu()).to_vector<float>();
  for (std::size_t i = 0; i < once.size(); ++i) CHECK(twice[i] == 2 * once[i]);
}

TEST_CASE("dropped gradients: a budget that ends leaves slots that backward can write") {
  Net net;
  ts::optim::SGD opt{net.parameters(), {.lr = 0}};
  const ts::Tensor x = ts::randn({64, 256});
  {
    const ts::memory::Budget budget{ts::Device::cpu(), 512_MiB};
    ts::square(net(x)).mean().backward();
    opt.step();
    opt.zero_grad();
  }
  CHECK(ts::runtime_of(ts::Device::cpu()).manager() == nullptr);
  ts::square(net(x)).mean().backward();
  CHECK(std::isfinite(net.a.weight.grad().sum().item<float>()));
}
