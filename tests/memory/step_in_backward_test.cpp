// Parameters that backward updates, within a budget: the bits of a step after backward without one, and steps that are planned.
#include <cstring>
#include <optional>
#include <vector>

#include "tasuki/runtime/sim.hpp"
#include "tests/catch.hpp"
#include "tests/memory/devices.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using ts::memory::Policy;
using namespace testing_memory;

namespace {

bool equal(const Run& a, const Run& b) {
  return a.numbers.size() == b.numbers.size() && std::memcmp(a.numbers.data(), b.numbers.data(), a.numbers.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("steps in backward: within a budget, the bits of steps after backward without one") {
  for (const ts::Device device : {ts::Device::cpu(), seeded_sim(11)}) {
    CAPTURE(device.to_string());
    const Run keep = run(steps_after_backward, device, std::nullopt);
    const std::uint64_t steps = run(steps_after_backward, device, ts::memory::BudgetOptions{.bytes = keep.peak}).report.steps;
    CHECK(equal(run(steps_in_backward, device, std::nullopt), keep));
    for (const Policy policy : {Policy::swap, Policy::automatic}) {
      const std::size_t bytes = static_cast<std::size_t>(part_of_peak(device, 0.4, 0.5) * static_cast<double>(keep.peak));
      CAPTURE(ts::memory::name_of(policy), keep.peak, bytes);
      const Run bounded = run(steps_in_backward, device, ts::memory::BudgetOptions{.bytes = bytes, .policy = policy});
      CHECK(bounded.peak <= bytes);
      CHECK(bounded.moved_bytes > 0);
      CHECK(bounded.report.steps == steps);
      CHECK(equal(bounded, keep));
    }
  }
}

TEST_CASE("steps in backward: a step ends once, is recognized and planned, and takes the memory that was predicted") {
  const ts::Device device = ts::Device::sim(2, {.bytes = 256_MiB});
  ts::nn::Sequential net;
  for (int i = 0; i < 8; ++i) {
    net.append(ts::nn::Linear{512, 512});
    net.append(ts::nn::GELU{});
  }
  net.to(device);
  ts::optim::AdamW opt{net.parameters(), {.lr = 1e-3}};
  const ts::optim::StepInBackward eager{opt};
  const ts::Tensor x = ts::randn({512, 512}).to(device);
  const auto steps = [&](int count) {
    for (int i = 0; i < count; ++i) {
      opt.zero_grad();
      ts::mean(ts::square(net(x))).backward();
      opt.step();
    }
  };
  ts::memory::reset_peak(device);
  steps(2);
  const ts::memory::Budget budget{device, {.bytes = ts::memory::stats(device).peak_bytes * 2 / 3}};
  steps(3);
  const ts::memory::Report reactive = budget.report();
  ts::memory::reset_peak(device);
  steps(4);
  const ts::memory::Report planned = budget.report();
  INFO(planned.to_string());
  CHECK(planned.steps == 7);
  CHECK(planned.planned_steps == reactive.planned_steps + 4);
  CHECK(planned.forced_departures == reactive.forced_departures);
  CHECK(planned.late_arrivals == reactive.late_arrivals);
  CHECK(ts::memory::stats(device).peak_bytes <= planned.predicted_peak_bytes);
  CHECK(ts::memory::stats(device).peak_bytes + 64_KiB > planned.predicted_peak_bytes);  // what is too small to move counts as if it were always there
}

TEST_CASE("steps in backward: recomputing makes what was dropped of parameters as they were") {
  // Activations for the most part, so that dropping them is what helps.
  const auto train = [](ts::Device device, Notes& notes) {
    ts::nn::Sequential net;
    for (int i = 0; i < 8; ++i) {
      net.append(ts::nn::Linear{128, 128});
      net.append(ts::nn::Tanh{});
    }
    net.to(device);
    ts::optim::SGD opt{net.parameters(), {.lr = 0.1, .momentum = 0.9}};
    const ts::optim::StepInBackward eager{opt};
    const ts::Tensor x = ts::randn({2048, 128}).to(device);
    for (int step = 0; step < 5; ++step) {
      opt.zero_grad();
      const ts::Tensor loss = ts::mean(ts::square(net(x)));
      loss.backward();
      opt.step();
      notes.add(loss);
    }
    notes.add(net);
  };
  for (const ts::Device device : {ts::Device::cpu(), seeded_sim(11)}) {
    CAPTURE(device.to_string());
    const Run keep = run(train, device, std::nullopt);
    const Run bounded = run(train, device, ts::memory::BudgetOptions{.bytes = keep.peak * 6 / 10, .policy = Policy::recompute});
    CHECK(bounded.report.replayed_ops > 0);
    CHECK(equal(bounded, keep));
  }
}

TEST_CASE("steps in backward: what was computed from a parameter apart from the tape is made again before the parameter changes") {
  const auto train = [](ts::Device device, Notes& notes) {
    const ts::Tensor w = ts::randn({512, 512}).to(device);
    w.requires_grad_();
    ts::optim::SGD opt{{w}, {.lr = 0.01}};
    const ts::optim::StepInBackward eager{opt};
    const ts::Tensor x = ts::randn({512, 512}).to(device).requires_grad_();
    for (int step = 0; step < 4; ++step) {
      opt.zero_grad();
      std::vector<ts::Tensor> kept;  // beyond backward, and maybe dropped until then
      ts::Tensor h = ts::matmul(x, w);
      for (int i = 0; i < 6; ++i) kept.push_back(h = ts::tanh(h));
      const ts::Tensor loss = ts::mean(ts::square(h));
      loss.backward();
      opt.step();
      for (const ts::Tensor& k : kept) notes.add(k);
    }
    notes.add(w);
  };
  for (const ts::Device device : {ts::Device::cpu(), seeded_sim(11)}) {
    CAPTURE(device.to_string());
    const Run keep = run(train, device, std::nullopt);
    const Run bounded = run(train, device, ts::memory::BudgetOptions{.bytes = keep.peak * 7 / 10});
    CHECK(bounded.moved_bytes > 0);
    CHECK(equal(bounded, keep));
  }
}
