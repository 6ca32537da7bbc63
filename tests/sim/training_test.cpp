// Networks trained on the simulated device end bitwise where they end on the CPU, whatever the order of its queues.
#include <string>

#include "tasuki/autograd/node.hpp"
#include "tasuki/tasuki.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/sim/fresh_device.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace ts::testing;
using Catch::Contains;

namespace {

struct Net : ts::nn::Module {
  ts::nn::Conv2d conv{this, "conv", 1, 4, {.kernel = 3, .padding = 1}};
  ts::nn::BatchNorm2d norm{this, "norm", 4};
  ts::nn::Dropout dropout{this, "dropout", 0.2f};
  ts::nn::Embedding words{this, "words", 7, 36};
  ts::nn::LayerNorm layer{this, "layer", 36};
  ts::nn::Linear out{this, "out", 36, 5};
  ts::Tensor operator()(const ts::Tensor& x, const ts::Tensor& word) {
    const ts::Tensor picture = ts::flatten(ts::max_pool2d(ts::relu(norm(conv(x))), 2), 1);
    return out(layer(dropout(picture) + words(word)));
  }
};

/// All that training leaves behind, as bytes.
std::string everything(Net& net, const ts::optim::Optimizer& optimizer) {
  std::string bytes;
  for (const auto& list : {net.parameters(), net.buffers()})
    for (const ts::Tensor& t : list) bytes += bytes_of(t);
  for (const auto& [name, tensor] : optimizer.named_state()) bytes += bytes_of(tensor);
  return bytes + bytes_of(ts::rand({4}));  // where the random stream stands
}

std::string train(ts::Device device, int steps = 4) {
  ts::manual_seed(11);
  Net net;
  net.to(device);
  ts::optim::AdamW optimizer{net.parameters(), {.lr = 1e-2}};
  const ts::Tensor pictures = ts::randn({32, 1, 6, 6}), words = ts::randint(0, 7, {32}), targets = ts::randint(0, 5, {32});
  std::string losses;
  for (int step = 0; step < steps; ++step) {
    const std::int64_t from = step % 4 * 8;
    optimizer.zero_grad();
    const ts::Tensor x = pictures.slice(0, from, from + 8).to(device), w = words.slice(0, from, from + 8).to(device);
    const ts::Tensor loss = ts::cross_entropy(net(x, w), targets.slice(0, from, from + 8).to(device));
    loss.backward();
    if (step % 2 == 1) losses += std::to_string(ts::optim::clip_grad_norm_(net.parameters(), 0.5));
    optimizer.step();
    losses += bytes_of(loss);
  }
  return losses + everything(net, optimizer);
}

struct Refuses final : ts::Function {
  static constexpr ts::OpInfo op{"refuses", "x"};
  const ts::OpInfo& info() const override { return op; }
  ts::Spec infer(const ts::Operands& in) override { return ts::Spec::like(in[0]); }
  void forward(ts::Launch&) override {}
  bool has_fused_backward() const override { return true; }
  void backward(ts::Backward&) override { TASUKI_THROW(ts::ValueError, "this gradient cannot be"); }
};

/// Tells with how many threads its kernel runs.
struct Ask final : ts::Function {
  int* answer;
  explicit Ask(int* a) : answer(a) {}
  static constexpr ts::OpInfo op{"ask", "x"};
  const ts::OpInfo& info() const override { return op; }
  ts::Spec infer(const ts::Operands& in) override { return ts::Spec::like(in[0]); }
  void forward(ts::Launch& l) override {
    CHECK(l.device().is_cpu());  // whose kernels it borrows
    *answer = ts::num_threads();
  }
};

}  // namespace

TEST_CASE("training on the device is bitwise training on the CPU, on every schedule") {
  const std::string expected = train(ts::Device::cpu());
  CHECK(train(fresh_device({.poison = true}).device()) == expected);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CHECK(train(fresh_device({.schedule = ts::SimSchedule::delayed, .seed = seed, .poison = true}).device()) == expected);
    CHECK(train(fresh_device({.schedule = ts::SimSchedule::seeded, .seed = seed, .poison = true}).device()) == expected);
  }
}

TEST_CASE("a training step waits for nothing and leaves no bytes behind") {
  ts::SimRuntime& device = fresh_device();
  std::size_t after_first = 0;
  {
    ts::manual_seed(1);
    ts::nn::Linear layer{20, 20};
    layer.to(device.device());
    ts::optim::SGD optimizer{layer.parameters(), {.lr = 0.1, .momentum = 0.9}};
    const ts::Tensor x = ts::randn({16, 20}, {.device = device.device()});
    ts::sim::reset_clock(device.device());
    for (int step = 0; step < 50; ++step) {
      optimizer.zero_grad();
      ts::mean(ts::pow(layer(x), 2)).backward();
      optimizer.step();
      if (step == 0) after_first = device.memory_stats().current_bytes;
      CHECK(device.memory_stats().current_bytes == after_first);
    }
    CHECK(device.queues().clock().synchronizations == 0);
  }
  CHECK(device.memory_stats().current_bytes == 0);
}

TEST_CASE("as the default device it gets all that a program makes") {
  const auto run = [](ts::Device device) {
    struct Restore {
      ts::Device before = ts::default_device();
      ~Restore() { ts::set_default_device(before); }
    } restore;
    ts::set_default_device(device);
    ts::manual_seed(9);
    ts::models::MLP net{{8, 16, 4}};
    ts::optim::Adam optimizer{net.parameters(), {.lr = 0.01}};
    const ts::Tensor x = ts::randn({12, 8}), t = ts::arange(12).to(ts::f32).mul(0.3).to(ts::i64);
    CHECK(x.device() == device);
    CHECK(net.parameters()[0].device() == device);
    for (int step = 0; step < 3; ++step) {
      optimizer.zero_grad();
      ts::cross_entropy(net(x), t).backward();
      optimizer.step();
    }
    const auto state = optimizer.named_state();
    optimizer.load_state(state);
    std::string bytes;
    for (const ts::Tensor& p : net.parameters()) bytes += bytes_of(p);
    return bytes;
  };
  CHECK(run(fresh_device({.poison = true}).device()) == run(ts::Device::cpu()));
}

TEST_CASE("a network is saved from the device and loaded into it") {
  const ts::Device device = fresh_device().device();
  const TemporaryFolder folder;
  ts::manual_seed(4);
  Net net, other, on_cpu;
  net.to(device);
  other.to(device);
  const std::string file = folder / "net.safetensors";
  ts::save(net, file);
  ts::load(other, file);
  ts::load(on_cpu, file);
  for (std::size_t i = 0; i < net.parameters().size(); ++i) {
    CHECK(other.parameters()[i].device() == device);
    CHECK(bytes_of(other.parameters()[i]) == bytes_of(net.parameters()[i]));
    CHECK(bytes_of(on_cpu.parameters()[i]) == bytes_of(net.parameters()[i]));
  }
}

TEST_CASE("a network moves to the device and back in mid-training") {
  const ts::Device there = fresh_device().device();
  const auto run = [](ts::Device first, ts::Device second) {
    ts::manual_seed(2);
    ts::nn::Linear layer{6, 3};
    ts::optim::Adam optimizer{layer.parameters(), {.lr = 0.1}};
    const ts::Tensor x = ts::randn({4, 6});
    std::string bytes;
    for (const ts::Device device : {first, second, first}) {
      layer.to(device);
      for (int i = 0; i < 2; ++i) {
        optimizer.zero_grad();
        ts::mean(ts::pow(layer(x.to(device)), 2)).backward();
        optimizer.step();
      }
      for (const ts::Tensor& p : layer.parameters()) bytes += bytes_of(p);
    }
    return bytes;
  };
  CHECK(run(ts::Device::cpu(), there) == run(ts::Device::cpu(), ts::Device::cpu()));
  CHECK(run(there, ts::Device::cpu()) == run(ts::Device::cpu(), ts::Device::cpu()));
}

TEST_CASE("a replay on the device gives the same bits") {
  const ts::Device device = fresh_device({.poison = true}).device();
  const ts::Tensor x = ts::randn({64, 32}, {.device = device}).requires_grad_();
  const ts::Tensor y = ts::dropout(ts::relu(x * 2), 0.3);
  CHECK(bytes_of(ts::replay(y)[0]) == bytes_of(y));
}

TEST_CASE("gradcheck works on the device") {
  const ts::Device device = fresh_device().device();
  const ts::Tensor x = ts::rand({3, 4}, {.dtype = ts::f64, .device = device});
  CHECK(ts::gradcheck([](const std::vector<ts::Tensor>& in) { return ts::softmax(in[0] * in[0], 1); }, {x}));
  CHECK(ts::gradgradcheck([](const std::vector<ts::Tensor>& in) { return ts::tanh(in[0]); }, {x}));
}

TEST_CASE("an error in a deferred backward names the op and its module at the next wait") {
  const ts::Device device = fresh_device().device();
  const ts::Tensor x = ts::ones({3}, {.device = device}).requires_grad_();
  ts::apply(Refuses(), {&x}).sum().backward();
  CHECK_THAT(error_text([&] { x.grad().to_vector<float>(); }), Contains("ValueError: refuses") && Contains("this gradient cannot be") && Contains("<here>"));
}

TEST_CASE("the number of threads is that of the thread that launched") {
  const int before = ts::num_threads();
  ts::set_num_threads(1);
  ts::SimRuntime& device = fresh_device();
  const ts::Tensor x = ts::ones({3}, {.device = device.device()});
  int answer = 0;
  const ts::Tensor y = ts::apply(Ask(&answer), {&x});
  device.synchronize();
  CHECK(answer == 1);
  ts::set_num_threads(before);
}
