// When what leaves is away: at once or when its copy can have ended, and plans of what the program keeps without using it.
#include "src/memory/planner/scheduler.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/memory/synthetic_trace.hpp"

using namespace tasuki;
using namespace tasuki::memory;
using namespace tasuki::memory::planner;

namespace {

/// Eight launches of 1 s. The first makes a big storage, which the program keeps to the end; each makes a small one for itself.
Trace keeper() {
  Trace t;
  t.storages.push_back({300, OwnerClass::activation, false, true, 7, false});
  for (int k = 0; k < 8; ++k) {
    t.storages.push_back({10, OwnerClass::activation, false, false, k, false});
    t.launches.push_back({"op", "", LaunchPhase::backward, 1.0, 0, {}, {k + 1}, 0, false});
  }
  t.launches[0].writes.push_back(0);
  return t;
}

/// 100 bytes a second.
Machine slow() {
  Machine m;
  m.out = m.in = {0, 100};
  return m;
}

using MemoryCourse = std::vector<std::size_t>;

}  // namespace

TEST_CASE("with patience a storage is away when its copy can have ended, without it at once") {
  const Trace t = keeper();
  const StepModel model(t);
  REQUIRE(model.gaps.size() == 1);
  CHECK(model.gaps[0].is_last);
  const Machine m = slow();
  Scheduler scheduler(model, m);
  const Choices swapped{Choice::swap};
  CHECK(scheduler.least_memory(swapped).memory == MemoryCourse{310, 10, 10, 10, 10, 10, 10, 10});
  scheduler.set_patient(true);
  CHECK(scheduler.least_memory(swapped).memory == MemoryCourse{310, 310, 310, 310, 10, 10, 10, 10});
  const Outcome outcome = scheduler.schedule(swapped, 310);
  CHECK(outcome.feasible);
  CHECK(outcome.seconds == Approx(8.0));
  CHECK(outcome.decisions.at(0).freed_before == 4);
}

TEST_CASE("with patience a storage comes back when its copy can end in time") {
  Trace t = keeper();
  t.launches[7].reads.push_back(0);
  const StepModel model(t);
  REQUIRE(model.gaps.size() == 1);
  CHECK_FALSE(model.gaps[0].is_last);
  Machine m = slow();
  m.out.bytes_per_s = 300;
  Scheduler scheduler(model, m);
  scheduler.set_patient(true);
  CHECK(scheduler.least_memory({Choice::swap}).memory == MemoryCourse{310, 310, 10, 10, 310, 310, 310, 310});
  CHECK(scheduler.schedule({Choice::swap}, 310).seconds == Approx(8.0));
  // Where there is no time for both copies, nothing is gained by waiting.
  m.in.bytes_per_s = 50;
  Scheduler hurried(model, m);
  hurried.set_patient(true);
  CHECK(hurried.least_memory({Choice::swap}).memory == MemoryCourse{310, 10, 10, 10, 10, 10, 10, 310});
}

TEST_CASE("there is a plan at the floor, whatever the program keeps") {
  const DeviceProfile& profile = device_profile("v100-nvlink");
  Trace t = chain_cnn_trace(profile, 6, 8);
  const int last = static_cast<int>(t.launches.size()) - 1;
  int kept = 0;
  for (TraceStorage& s : t.storages)
    if (!s.at_start && ++kept % 3 == 0) {
      s.at_end = kept % 2 == 0;
      s.released_after = s.at_end ? last : std::min(last, s.released_after + 2);
    }
  const std::size_t floor = floor_bytes(t);
  for (const Policy policy : {Policy::swap, Policy::automatic}) {
    const Plan p = plan(t, machine_of(profile), {.budget_bytes = floor, .policy = policy});
    CAPTURE(name_of(policy));
    REQUIRE(p.feasible);
    CHECK(p.peak_bytes <= floor);
    const Simulation s = simulate(t, machine_of(profile), p);
    CHECK(s.possible);
    CHECK(s.seconds == p.seconds);
  }
}
