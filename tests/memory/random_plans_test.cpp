// Plans decide when bytes move, never what they are: any plan that can work gives the bits of training without one.
#include <algorithm>
#include <cstring>
#include <random>

#include "src/memory/manager.hpp"
#include "src/memory/planner/step_model.hpp"
#include "src/memory/steps.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using namespace ts::memory;
using namespace testing_memory;

namespace {

/// Swaps and drops at random, with random triggers, as far as the simulator finds that they can work together.
Plan random_plan(const Trace& trace, const Machine& machine, const PlanOptions& options) {
  std::mt19937_64 random(options.seed);
  const auto between = [&](int low, int high) { return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1)); };
  const planner::StepModel model(trace);
  std::vector<planner::Gap> gaps = model.gaps;
  std::shuffle(gaps.begin(), gaps.end(), random);
  const int density = between(1, 4);
  Plan plan;
  for (const planner::Gap& gap : gaps) {
    if (between(1, 4) > density) continue;
    Decision d{gap.storage, gap.from, gap.to, Move::swap, machine.host_bytes && between(0, 1) ? Tier::host : Tier::file, 0, 0};
    if (gap.droppable && options.policy != Policy::swap && between(0, 1)) d.move = Move::drop;
    const int last = static_cast<int>(trace.launches.size()) - 1;
    d.freed_before = gap.wraps ? between(gap.from, last) : between(gap.from + 1, gap.is_last ? gap.until - 1 : gap.to);
    d.issue_at = gap.is_last ? gap.to : between(gap.wraps ? 0 : d.freed_before, gap.to);
    plan.decisions.push_back(d);
    if (!simulate(trace, machine, plan).possible) plan.decisions.pop_back();
  }
  const Simulation played = simulate(trace, machine, plan);
  plan.feasible = played.possible;
  plan.budget_bytes = options.budget_bytes;
  plan.peak_bytes = played.peak_bytes;
  plan.seconds = played.seconds;
  plan.keep_seconds = played.keep_seconds;
  return plan;
}

struct Planned {
  std::vector<float> numbers;
  Report report;
};
Planned run_by_chance(Program program, ts::Device device, const BudgetOptions& options) {
  ts::manual_seed(1);
  Manager& manager = Manager::of(device);
  manager.start(options);
  manager.steps().plan_with(&random_plan);
  Notes notes;
  program(device, notes);
  Planned result{{}, manager.report()};
  manager.stop();
  notes.add(ts::rand({4}));
  result.numbers = notes.numbers;
  return result;
}

void any_plan_gives_the_bits(Program program, ts::Device device, std::uint64_t plans) {
  const Run keep = run(program, device, std::nullopt);
  std::uint64_t planned = 0;
  for (std::uint64_t seed = 0; seed < plans; ++seed) {
    CAPTURE(device.to_string(), seed);
    // Within ample room only the plan moves anything; otherwise it is in competition with what must move.
    const std::size_t held = ts::memory::stats(device).reserved_bytes;
    const std::size_t bytes = held + keep.peak * (seed % 2 ? 3 : 24) / 4;
    const Planned by_chance = run_by_chance(program, device, {.bytes = bytes, .seed = seed});
    INFO(by_chance.report.to_string());
    CHECK(by_chance.report.peak_bytes <= bytes);
    planned += by_chance.report.planned_steps;
    REQUIRE(by_chance.numbers.size() == keep.numbers.size());
    CHECK(std::memcmp(by_chance.numbers.data(), keep.numbers.data(), keep.numbers.size() * sizeof(float)) == 0);
  }
  CHECK(planned >= plans);
}

const ts::Device sim() { return ts::Device::sim(0, {.bytes = 256_MiB, .schedule = ts::SimSchedule::seeded, .seed = 3, .poison = true}); }

}  // namespace

TEST_CASE("random plans: a deep network") {
  any_plan_gives_the_bits(deep_network, ts::Device::cpu(), 15);
  any_plan_gives_the_bits(deep_network, sim(), 15);
}
TEST_CASE("random plans: a convolutional network") {
  any_plan_gives_the_bits(convolutional_network, ts::Device::cpu(), 10);
  any_plan_gives_the_bits(convolutional_network, sim(), 10);
}
TEST_CASE("random plans: views, in-place ops and shared storages") {
  any_plan_gives_the_bits(views_and_writes, ts::Device::cpu(), 10);
  any_plan_gives_the_bits(views_and_writes, sim(), 10);
}
TEST_CASE("random plans: accumulated gradients, with an evaluation in between") { any_plan_gives_the_bits(accumulation_and_evaluation, sim(), 10); }
TEST_CASE("random plans: batches of changing size") { any_plan_gives_the_bits(changing_batches, sim(), 10); }
TEST_CASE("random plans: two backward passes over one graph, and handles kept across steps") {
  any_plan_gives_the_bits(retained_graph, sim(), 5);
  any_plan_gives_the_bits(kept_handles, ts::Device::cpu(), 5);
}
