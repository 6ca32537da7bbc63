// A memory budget moves storages with copies on two queues beside the computation, ordered by events alone. Every order that the
// events leave must give the bits of a run without a budget.
#include <cstdlib>
#include <memory>
#include <string>

#include "tasuki/tasuki.hpp"
#include "tests/sim/fresh_device.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace ts::testing;
using namespace ts::literals;
using ts::memory::Policy;

namespace {

struct Block : ts::nn::Module {
  ts::nn::Linear one{this, "one", 96, 96}, two{this, "two", 96, 96};
  ts::nn::BatchNorm1d norm{this, "norm", 96};
  ts::nn::Dropout dropout{this, "dropout", 0.1f};
  ts::Tensor operator()(const ts::Tensor& x) { return x + dropout(two(ts::relu(norm(one(x))))); }
};

struct Run {
  std::string bytes;
  std::size_t peak = 0;
  std::uint64_t moved = 0;
};

/// Five steps: reactive ones at first, then planned ones.
Run train(ts::Device device, std::size_t budget_bytes, Policy policy) {
  ts::manual_seed(5);
  Block blocks[3];
  std::vector<ts::Tensor> parameters;
  for (Block& block : blocks) {
    block.to(device);
    for (const ts::Tensor& p : block.parameters()) parameters.push_back(p);
  }
  ts::optim::SGD optimizer{parameters, {.lr = 0.01, .momentum = 0.9}};
  const ts::Tensor x = ts::randn({256, 96}, {.device = device});
  ts::memory::reset_peak(device);
  std::unique_ptr<ts::memory::Budget> budget;
  if (budget_bytes) budget.reset(new ts::memory::Budget{device, {.bytes = budget_bytes, .file_bytes = 0, .policy = policy}});
  Run run;
  for (int step = 0; step < 5; ++step) {
    optimizer.zero_grad();
    ts::Tensor y = x;
    for (Block& block : blocks) y = block(y);
    const ts::Tensor loss = ts::mean(y * y);
    loss.backward();
    optimizer.step();
    run.bytes += bytes_of(loss);
  }
  run.peak = ts::memory::stats(device).peak_bytes;
  if (budget) run.moved = sim_runtime(device).queues().clock().bytes_out + budget->report().replayed_ops;
  budget.reset();
  for (Block& block : blocks)
    for (const auto& list : {block.parameters(), block.buffers()})
      for (const ts::Tensor& t : list) run.bytes += bytes_of(t);
  return run;
}

/// TASUKI_SCHEDULES=10000 for a night's run.
std::uint64_t number_of_schedules(std::uint64_t by_default) {
  const char* wanted = std::getenv("TASUKI_SCHEDULES");
  return wanted ? std::strtoull(wanted, nullptr, 10) : by_default;
}

}  // namespace

TEST_CASE("within a budget, no order of the queues changes a bit") {
  const Run keep = train(fresh_device({.bytes = 64_MiB}).device(), 0, Policy::keep);
  for (std::uint64_t seed = 0; seed < number_of_schedules(60); ++seed) {
    const Policy policy = seed % 3 == 0 ? Policy::recompute : seed % 3 == 1 ? Policy::swap : Policy::automatic;
    const auto schedule = seed % 8 == 7 ? ts::SimSchedule::delayed : ts::SimSchedule::seeded;
    // Weights, momentum and what started the graph cannot be computed again.
    const std::size_t budget = keep.peak * ((policy == Policy::recompute ? 80 : 45) + seed % 4 * 8) / 100;
    const Run bounded = train(fresh_device({.bytes = 64_MiB, .schedule = schedule, .seed = seed, .poison = true}).device(), budget, policy);
    if (bounded.bytes != keep.bytes) FAIL_CHECK("seed " << seed << ": other bits, policy " << name_of(policy));
    CHECK(bounded.peak <= budget);
    CHECK(bounded.moved > 0);
  }
}
