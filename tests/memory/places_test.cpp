// Plans leave room for all blocks of a step to have places of their own.
#include <algorithm>

#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tests/catch.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using ts::memory::Manager;

namespace {

std::vector<std::size_t> asked;  // bytes of the plans

ts::memory::Plan noting(const ts::memory::Trace& trace, const ts::memory::Machine& machine, const ts::memory::PlanOptions& options) {
  asked.push_back(options.budget_bytes);
  return ts::memory::plan(trace, machine, options);
}

}  // namespace

TEST_CASE("memory: a step whose blocks lack places is planned for less memory, a few times, and has the same bits") {
  ts::manual_seed(1);
  std::vector<ts::Tensor> weights;
  for (int i = 0; i < 8; ++i) weights.push_back((ts::randn({256, 256}) * 0.05).requires_grad_());
  const ts::Tensor x = ts::randn({512, 256});
  const auto step = [&] {
    for (const ts::Tensor& w : weights) w.zero_grad();
    ts::Tensor h = x;
    for (const ts::Tensor& w : weights) h = ts::tanh(ts::matmul(h, w));
    h.sum().backward();
    return weights.front().grad().to_vector<float>();
  };
  const std::vector<float> expected = step();
  ts::memory::reset_peak(ts::Device::cpu());
  step();
  const std::size_t budget = ts::memory::stats(ts::Device::cpu()).peak_bytes - 1_MiB;

  Manager& manager = Manager::of(ts::Device::cpu());
  manager.start({.bytes = budget, .policy = ts::memory::Policy::recompute});
  asked.clear();
  manager.steps().plan_with(&noting);
  const auto planned_step = [&](std::size_t lacking) {
    std::vector<float> gradient = step();
    if (lacking) manager.lacks_places(lacking);
    manager.end_step();
    return gradient;
  };
  for (int i = 0; i < 6; ++i) CHECK(planned_step(0) == expected);
  REQUIRE(!asked.empty());
  CHECK(asked.front() == budget);
  for (int i = 0; i < 60; ++i) CHECK(planned_step(i % 5 ? 0 : 64_KiB) == expected);
  const std::size_t least = *std::min_element(asked.begin(), asked.end());
  CHECK(least + 64_KiB < budget);
  CHECK(least >= budget - budget / 4);
  CHECK(manager.report().peak_bytes <= budget);
  manager.stop();
}
