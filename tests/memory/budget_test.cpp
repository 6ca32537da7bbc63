// Training within a budget gives the bits of training without one: losses, gradients, weights, running statistics, random stream.
#include <cstring>
#include <memory>

#include "tests/catch.hpp"
#include "tests/memory/devices.hpp"
#include "tasuki/models/resnet.hpp"
#include "tasuki/runtime/sim.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using ts::memory::Policy;
using namespace testing_memory;

namespace {

void equals_unbounded(const Program& program, ts::Device device, double fraction) {
  CAPTURE(device.to_string());
  const Run keep = run(program, device, std::nullopt);
  REQUIRE(keep.peak > 0);
  for (const Policy policy : {Policy::swap, Policy::recompute, Policy::automatic}) {
    const std::size_t bytes = static_cast<std::size_t>(fraction * static_cast<double>(keep.peak));
    CAPTURE(ts::memory::name_of(policy), keep.peak, bytes);

    const Run bounded = run(program, device, ts::memory::BudgetOptions{.bytes = bytes, .policy = policy});
    CHECK(bounded.peak <= bytes);
    CHECK(bounded.moved_bytes > 0);
    REQUIRE(bounded.numbers.size() == keep.numbers.size());
    CHECK(std::memcmp(bounded.numbers.data(), keep.numbers.data(), keep.numbers.size() * sizeof(float)) == 0);
  }
}

void equals_unbounded(const Program& program, double on_cpu, double on_sim) {
  equals_unbounded(program, cpu, part_of_peak(cpu, on_cpu, on_sim));
  equals_unbounded(program, seeded_sim(7), on_sim);
}

}  // namespace

TEST_CASE("budget: a deep network with batch norm and dropout") { equals_unbounded(deep_network, 0.6, 0.6); }
TEST_CASE("budget: a convolutional network") { equals_unbounded(convolutional_network, 0.5, 0.8); }
TEST_CASE("budget: views, in-place ops and shared storages") { equals_unbounded(views_and_writes, 0.75, 0.75); }
TEST_CASE("budget: accumulated gradients, with an evaluation in between") { equals_unbounded(accumulation_and_evaluation, 0.67, 0.67); }
TEST_CASE("budget: batches of changing size") { equals_unbounded(changing_batches, 0.33, 0.6); }
TEST_CASE("budget: two backward passes over one graph") { equals_unbounded(retained_graph, 0.75, 0.75); }
TEST_CASE("budget: gradients of gradients") { equals_unbounded(gradient_penalty, 0.75, 0.75); }
TEST_CASE("budget: handles kept across steps") { equals_unbounded(kept_handles, 0.75, 0.75); }
TEST_CASE("budget: an exception in the forward pass") { equals_unbounded(exception_in_forward, 0.75, 0.75); }

TEST_CASE("budget: parameters and optimizer state beyond it") {
  CHECK(std::size_t{8 * 512 * 512 * 4 * 4} > 8_MiB);  // weights, gradients and two moments
  for (const ts::Device device : {cpu, seeded_sim(7)}) {
    CAPTURE(device.to_string());
    const Run keep = run(state_beyond_budget, device, std::nullopt);
    const Run bounded = run(state_beyond_budget, device, ts::memory::BudgetOptions{.bytes = 8_MiB, .policy = Policy::swap});
    CHECK(bounded.peak <= 8_MiB);
    CHECK(std::memcmp(bounded.numbers.data(), keep.numbers.data(), keep.numbers.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("budget: of what is a large part of it a replay might not fit beside the launch that needs it") {
  const ts::Device device = ts::Device::sim(5, {.bytes = 8_GiB});
  ts::sim::set_clock_only(device, true);
  {
    // Activations of 134 MiB: adding two to a third and taking the gradient of that takes nearly all there is.
    ts::memory::Budget budget{device, 512_MiB};
    ts::models::ResNet net{ts::models::ResNetDepth::layers50};
    net.to(device);
    ts::optim::SGD opt{net.parameters(), {.lr = 0.01, .momentum = 0.9}};
    const ts::Tensor x = ts::zeros({2142, 3, 32, 32}, {.device = device}), t = ts::zeros({2142}, {.dtype = ts::i64, .device = device});
    for (int step = 0; step < 2; ++step) {
      opt.zero_grad();
      ts::cross_entropy(net(x), t).backward();
      opt.step();
    }
    CHECK(ts::memory::stats(device).peak_bytes <= 512_MiB);
  }
  ts::sim::set_clock_only(device, false);
}

TEST_CASE("budget: parameters that end anywhere, packed while it is in force") {
  equals_unbounded(
      [](ts::Device device, Notes& notes) {
        ts::nn::Sequential net;
        for (int i = 0; i < 4; ++i) net.append(ts::nn::Linear{333, 333});
        net.to(device);
        ts::optim::Adam opt{net.parameters(), {.lr = 1e-3}};
        const ts::Tensor x = ts::randn({512, 333}).to(device);
        for (int step = 0; step < 4; ++step) {
          opt.zero_grad();
          ts::mean(ts::square(net(x))).backward();
          opt.step();
        }
        notes.add(net);
      },
      0.8, 0.8);
}

TEST_CASE("budget: ends and leaves everything where it was") {
  ts::manual_seed(3);
  const ts::Tensor w = ts::randn({1024, 1024}, {.requires_grad = true});
  const auto before = w.detach().to_vector<float>();
  ts::Tensor kept;
  {
    ts::memory::Budget budget{cpu, {.bytes = 24_MiB, .policy = Policy::swap}};
    kept = ts::matmul(w, w);
    for (int i = 0; i < 8; ++i) kept = ts::relu(kept * 0.5f);
    CHECK(budget.report().peak_bytes <= 24_MiB);
  }
  CHECK(ts::memory::stats(cpu).limit_bytes == 0);
  CHECK(cpu_manager_is_gone());
  CHECK(w.detach().to_vector<float>() == before);
  ts::sum(kept).backward();
  CHECK(w.grad().defined());
}
