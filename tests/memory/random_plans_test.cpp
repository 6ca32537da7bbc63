// Plans decide when bytes move, never what they are: any plan that can work gives the bits of training without one.
#include <cstring>

#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tests/catch.hpp"
#include "tests/memory/devices.hpp"
#include "tests/memory/random_plan.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using namespace ts::memory;
using namespace testing_memory;

namespace {

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

}  // namespace

TEST_CASE("random plans: a deep network") {
  any_plan_gives_the_bits(deep_network, ts::Device::cpu(), 15);
  any_plan_gives_the_bits(deep_network, seeded_sim(3), 15);
}
TEST_CASE("random plans: a convolutional network") {
  any_plan_gives_the_bits(convolutional_network, ts::Device::cpu(), 10);
  any_plan_gives_the_bits(convolutional_network, seeded_sim(3), 10);
}
TEST_CASE("random plans: views, in-place ops and shared storages") {
  any_plan_gives_the_bits(views_and_writes, ts::Device::cpu(), 10);
  any_plan_gives_the_bits(views_and_writes, seeded_sim(3), 10);
}
TEST_CASE("random plans: accumulated gradients, with an evaluation in between") { any_plan_gives_the_bits(accumulation_and_evaluation, seeded_sim(3), 10); }
TEST_CASE("random plans: batches of changing size") { any_plan_gives_the_bits(changing_batches, seeded_sim(3), 10); }
TEST_CASE("random plans: two backward passes over one graph, and handles kept across steps") {
  any_plan_gives_the_bits(retained_graph, seeded_sim(3), 5);
  any_plan_gives_the_bits(kept_handles, ts::Device::cpu(), 5);
}
