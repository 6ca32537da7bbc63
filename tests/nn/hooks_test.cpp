#include <string>
#include <vector>

#include "tasuki/autograd/listener.hpp"
#include "tasuki/nn/activation.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/shape.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using ts::Tensor;

namespace {

struct Doubling : nn::Module {
  Tensor operator()(const Tensor& x) {
    nn::Scope s{this};
    return s.leave(s.enter(x) * 2);
  }
};

struct ModulesOfLaunches : ts::LaunchListener {
  std::vector<std::string> modules;
  ModulesOfLaunches() { ts::add_listener(*this); }
  ~ModulesOfLaunches() override { ts::remove_listener(*this); }
  void after_launch(const ts::LaunchRecord& r) override { modules.push_back(r.module); }
};

}  // namespace

TEST_CASE("hooks see input and output of layers, containers and users' modules") {
  nn::Sequential net{nn::Identity{}, Doubling{}};
  std::vector<std::string> order;
  for (nn::Module* m : {static_cast<nn::Module*>(&net), &net[0], &net[1]}) {
    m->register_forward_pre_hook([&](const nn::Module& of, const Tensor& input) {
      order.push_back("before " + of.type_name() + " " + std::to_string(static_cast<int>(input.item<float>())));
      return Tensor();
    });
    m->register_forward_hook([&](const nn::Module& of, const Tensor& input, const Tensor& output) {
      order.push_back("after " + of.type_name() + " " + std::to_string(static_cast<int>(input.item<float>())) + " " + std::to_string(static_cast<int>(output.item<float>())));
      return Tensor();
    });
  }
  net(ts::full({1}, 3));
  CHECK(order == std::vector<std::string>{"before Sequential 3", "before Identity 3", "after Identity 3 3", "before Doubling 3", "after Doubling 3 6", "after Sequential 3 6"});
}

TEST_CASE("a hook that returns a tensor replaces the input or the output") {
  Doubling m;
  m.register_forward_pre_hook([](const nn::Module&, const Tensor& x) { return x + 1; });
  m.register_forward_hook([](const nn::Module&, const Tensor&, const Tensor& y) { return y + 100; });
  CHECK(m(ts::full({1}, 3)).item<float>() == 108);
}

TEST_CASE("hooks are removed by number, and move with their module") {
  Doubling m;
  const auto first = m.register_forward_hook([](const nn::Module&, const Tensor&, const Tensor& y) { return y + 1; });
  m.register_forward_hook([](const nn::Module&, const Tensor&, const Tensor& y) { return y + 10; });
  Doubling moved = std::move(m);
  CHECK(moved(ts::full({1}, 1)).item<float>() == 13);
  moved.remove_hook(first);
  CHECK(moved(ts::full({1}, 1)).item<float>() == 12);
}

TEST_CASE("launches are known by the path of the module that made them") {
  struct Net : nn::Module {
    nn::Sequential body{this, "body", nn::ReLU{}, Doubling{}};
    Tensor operator()(const Tensor& x) { return body(x) + 1; }
  };
  Net net;
  (void)net.parameters();
  const Tensor x = ts::ones({2});
  ModulesOfLaunches seen;
  net(x);
  CHECK(seen.modules == std::vector<std::string>{"body.0", "body.1", ""});
}
