// StepInBackward: the same bits as backward() and then step(), and no gradient that stays.
#include <tasuki/tasuki.hpp>

#include <memory>
#include <optional>
#include <vector>

#include "tests/catch.hpp"

namespace ts = tasuki;
using ts::Tensor;
using ts::optim::StepInBackward;
using Numbers = std::vector<double>;

namespace {

const ts::Device cpu = ts::Device::cpu();
ts::Device sim() { return ts::Device::sim(0, {.schedule = ts::SimSchedule::seeded, .seed = 3, .poison = true}); }

/// Two weights of more than a MiB, one of them used twice, biases that share a launch, a layer that no step uses.
struct Net : ts::nn::Module {
  ts::nn::Linear first{this, "first", 24, 520};
  ts::nn::Linear twice{this, "twice", 520, 520};
  ts::nn::Linear last{this, "last", 520, 520};
  ts::nn::Linear unused{this, "unused", 4, 4};
  ts::nn::Linear sometimes{this, "sometimes", 520, 520};
  ts::nn::BatchNorm1d norm{this, "norm", 520};
  bool all = false;
  Tensor operator()(const Tensor& x) {
    Tensor h = norm(twice(ts::relu(twice(ts::relu(first(x))))));
    if (all) h = ts::tanh(sometimes(h));
    return last(h);
  }
};

Numbers numbers_of(const Tensor& t) { return t.detach().to(ts::f64).cpu().to_vector<double>(); }

struct Trained {
  std::vector<Numbers> parameters, state;
  bool operator==(const Trained&) const = default;
};

Trained result_of(Net& net, const ts::optim::Optimizer& opt) {
  Trained t;
  for (const Tensor& p : net.parameters()) t.parameters.push_back(numbers_of(p));
  for (const ts::NamedTensor& s : opt.named_state()) t.state.push_back(numbers_of(s.tensor));
  return t;
}

struct Batch {
  Tensor x, t;
};
Batch batch(ts::Device device) { return {ts::randn({12, 24}).to(device), ts::randn({12, 520}).to(device)}; }
void backward_of(Net& net, const Batch& b) { ts::mse_loss(net(b.x), b.t).backward(); }

template <class Optimizer, class Groups>
Trained train(ts::Device device, const Groups& groups_of, bool eagerly, ts::DType dtype = ts::f32) {
  ts::manual_seed(5);
  Net net;
  net.to(device);
  net.to(dtype);
  Optimizer opt{groups_of(net)};
  ts::optim::CosineAnnealing schedule{opt, {.steps = 6, .warmup = 2}};
  std::optional<StepInBackward> eager;
  if (eagerly) eager.emplace(opt);
  for (int step = 0; step < 6; ++step) {
    net.all = step % 2 == 1;
    opt.zero_grad();
    const Batch b = batch(device);
    backward_of(net, {b.x.to(dtype), b.t.to(dtype)});
    if (eagerly)
      for (const Tensor& p : net.parameters()) CHECK(!p.grad().defined());
    opt.step();
    schedule.step();
  }
  CHECK(opt.step_count() == 6);
  return result_of(net, opt);
}

template <class Optimizer, class Options>
void gives_the_same_bits(const Options& weights, const Options& others) {
  const auto groups_of = [&](Net& net) {
    std::vector<Tensor> large, small;
    for (const Tensor& p : net.parameters()) (p.ndim() > 1 ? large : small).push_back(p);
    return std::vector<ts::optim::ParameterGroup<Options>>{{large, weights}, {small, others}};
  };
  for (const ts::Device device : {cpu, sim()}) {
    CAPTURE(device.to_string());
    CHECK(train<Optimizer>(device, groups_of, true) == train<Optimizer>(device, groups_of, false));
  }
  CHECK(train<Optimizer>(cpu, groups_of, true, ts::bf16) == train<Optimizer>(cpu, groups_of, false, ts::bf16));
}

}  // namespace

TEST_CASE("SGD in backward gives the bits of backward and then a step") {
  using Options = ts::optim::SGDOptions;
  gives_the_same_bits<ts::optim::SGD>(Options{.lr = 0.1}, Options{.lr = 0.05, .weight_decay = 0.01});
  gives_the_same_bits<ts::optim::SGD>(Options{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true}, Options{.lr = 0.05, .momentum = 0.8, .dampening = 0.1});
}

TEST_CASE("Adam and AdamW in backward give the bits of backward and then a step") {
  gives_the_same_bits<ts::optim::Adam>(ts::optim::AdamOptions{.lr = 0.01, .weight_decay = 0.1}, ts::optim::AdamOptions{.lr = 0.001});
  gives_the_same_bits<ts::optim::AdamW>(ts::optim::AdamWOptions{.lr = 0.01, .amsgrad = true}, ts::optim::AdamWOptions{.lr = 0.001, .weight_decay = 0, .amsgrad = true});
}

TEST_CASE("a parameter has its new value, and its gradient is gone, while backward goes on to the layers before it") {
  Net net;
  ts::optim::SGD opt{net.parameters(), {.lr = 0.1}};
  const StepInBackward eager{opt};
  const auto last = net.last.weight.version(), twice = net.twice.weight.version();
  bool looked = false;
  net.first.weight.register_hook([&](const Tensor&) {
    looked = true;
    CHECK(net.last.weight.version() > last);
    CHECK(net.twice.weight.version() > twice);  // after both of its uses
    CHECK(!net.last.weight.grad().defined());
    return Tensor();
  });
  backward_of(net, batch(cpu));
  CHECK(looked);
}

TEST_CASE("gradients take no memory of their own when parameters are updated in backward") {
  const ts::Device device = ts::Device::sim(0, {.bytes = std::size_t{1} << 30});
  constexpr std::size_t layers = 8, bytes_of_layer = std::size_t{4} << 20;
  const auto peak_of = [&](bool eagerly) {
    ts::nn::Sequential net;
    for (std::size_t i = 0; i < layers; ++i) net.append(ts::nn::Linear{1024, 1024});
    net.to(device);
    ts::optim::SGD opt{net.parameters(), {.lr = 0.1}};
    std::optional<StepInBackward> eager;
    if (eagerly) eager.emplace(opt);
    const Tensor x = ts::randn({2, 1024}).to(device);
    ts::sum(net(x)).backward();
    opt.step();
    ts::memory::reset_peak(device);
    const std::size_t before = ts::memory::stats(device).current_bytes;
    opt.zero_grad();
    ts::sum(net(x)).backward();
    opt.step();
    return before + ts::memory::stats(device).peak_bytes - ts::memory::stats(device).current_bytes;
  };
  CHECK(peak_of(true) + (layers - 2) * bytes_of_layer <= peak_of(false));
}

TEST_CASE("gradients gathered under no_step are used by the backward after it") {
  const auto run = [](bool eagerly) {
    ts::manual_seed(6);
    Net net;
    ts::optim::AdamW opt{net.parameters(), {.lr = 0.01}};
    std::optional<StepInBackward> eager;
    if (eagerly) eager.emplace(opt);
    for (int step = 0; step < 3; ++step) {
      opt.zero_grad();
      net.all = true;  // `sometimes` has a gradient of the first pass only: step() uses it
      std::optional<StepInBackward::NoStep> later;
      if (eager) later.emplace(*eager);
      backward_of(net, batch(cpu));
      later.reset();
      net.all = false;
      backward_of(net, batch(cpu));
      opt.step();
    }
    return result_of(net, opt);
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("a gradient that a hook changes is the one that is used, and a gradient from elsewhere waits for step") {
  const auto run = [](bool eagerly) {
    ts::manual_seed(7);
    Net net;
    ts::optim::SGD opt{net.parameters(), {.lr = 0.1, .momentum = 0.5}};
    std::optional<StepInBackward> eager;
    if (eagerly) eager.emplace(opt);
    for (const Tensor& p : net.parameters()) p.register_hook([](const Tensor& g) { return ts::clamp(g, -1e-3f, 1e-3f); });
    for (int step = 0; step < 3; ++step) {
      opt.zero_grad();
      backward_of(net, batch(cpu));
      net.unused.weight.set_grad(ts::ones({4, 4}));
      opt.step();
    }
    return result_of(net, opt);
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("frozen parameters stay, and gradients by ts::grad update nothing") {
  Net net;
  ts::optim::SGD opt{net.parameters(), {.lr = 0.1}};
  const StepInBackward eager{opt};
  net.last.weight.requires_grad_(false);
  const auto frozen = numbers_of(net.last.weight), first = numbers_of(net.first.weight);
  const Batch b = batch(cpu);
  const Tensor g = ts::grad({ts::mse_loss(net(b.x), b.t)}, {net.first.weight})[0];
  CHECK(g.defined());
  CHECK(numbers_of(net.first.weight) == first);
  backward_of(net, b);
  opt.step();
  CHECK(numbers_of(net.last.weight) == frozen);
  CHECK(numbers_of(net.first.weight) != first);
}

TEST_CASE("the optimizer follows parameters that move between steps") {
  Net net;
  ts::optim::AdamW opt{net.parameters(), {.lr = 0.01}};
  const StepInBackward eager{opt};
  backward_of(net, batch(cpu));
  opt.step();
  net.to(sim());
  opt.zero_grad();
  const auto before = numbers_of(net.first.weight);
  backward_of(net, batch(sim()));
  opt.step();
  CHECK(numbers_of(net.first.weight) != before);
  CHECK(opt.named_state()[3].tensor.device() == sim());
}

TEST_CASE("when it ends, the optimizer steps as before; when it begins again, parameters are updated once") {
  const auto run = [](bool eagerly) {
    ts::manual_seed(8);
    Net net;
    auto opt = std::make_unique<ts::optim::AdamW>(net.parameters(), ts::optim::AdamWOptions{.lr = 0.01});
    for (int step = 0; step < 6; ++step) {
      std::optional<StepInBackward> eager;
      if (eagerly && step % 3 != 1) eager.emplace(*opt);
      opt->zero_grad();
      backward_of(net, batch(cpu));
      CHECK(net.first.weight.grad().defined() == !eager);
      if (step == 3) eager.reset();  // in the middle of a step
      opt->step();
    }
    const Trained result = result_of(net, *opt);
    opt.reset();
    backward_of(net, batch(cpu));  // the hooks that stay do nothing
    CHECK(numbers_of(net.first.weight) == result.parameters[0]);
    return result;
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("training goes on from a checkpoint of either way in the other") {
  const auto run = [](bool before, bool after) {
    ts::manual_seed(9);
    Net net;
    std::vector<ts::NamedTensor> saved;
    const auto steps = [&](bool eagerly) {
      ts::optim::AdamW opt{net.parameters(), {.lr = 0.01}};
      if (!saved.empty()) opt.load_state(saved);
      std::optional<StepInBackward> eager;
      if (eagerly) eager.emplace(opt);
      for (int step = 0; step < 2; ++step) {
        opt.zero_grad();
        backward_of(net, batch(cpu));
        opt.step();
      }
      saved.clear();
      for (const ts::NamedTensor& s : opt.named_state()) saved.push_back({s.name, s.tensor.clone()});
      return result_of(net, opt);
    };
    steps(before);
    return steps(after);
  };
  const Trained expected = run(false, false);
  CHECK(run(true, false) == expected);
  CHECK(run(false, true) == expected);
}

TEST_CASE("a backward pass that throws leaves the step to be ended by hand") {
  Net net;
  ts::optim::SGD opt{net.parameters(), {.lr = 0.1}};
  const StepInBackward eager{opt};
  bool fail = true;
  net.first.weight.register_hook([&](const Tensor&) -> Tensor {
    if (fail) throw ts::ValueError("no");
    return {};
  });
  CHECK_THROWS_AS(backward_of(net, batch(cpu)), ts::ValueError);
  CHECK_THROWS_AS(opt.zero_grad(), ts::AutogradError);
  opt.step();
  fail = false;
  opt.zero_grad();
  const auto first = numbers_of(net.first.weight);
  backward_of(net, batch(cpu));
  opt.step();
  CHECK(numbers_of(net.first.weight) != first);
}
