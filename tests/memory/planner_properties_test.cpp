// What holds for every plan, whatever the trace: tried on random ones.
#include <map>

#include "tasuki/memory/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/memory/planner_budgets.hpp"
#include "tests/memory/synthetic_trace.hpp"

using namespace tasuki;
using namespace tasuki::memory;

namespace {

Machine a_machine(double duplex = 1) {
  Machine m;
  m.name = "random";
  m.out = {1e-6, 300e6};
  m.in = {1e-6, 400e6};
  m.file_out = m.file_in = {5e-6, 100e6};
  m.duplex = duplex;
  return m;
}

constexpr Policy all_policies[] = {Policy::automatic, Policy::swap, Policy::recompute, Policy::keep};

}  // namespace

TEST_CASE("a feasible plan stays within its budget, and the simulation says the same as the plan") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const Trace trace = random_trace(seed, 4 + static_cast<int>(seed % 20));
    const Machine machine = a_machine(seed % 3 ? 1 : 0.6);
    for (const double part : {0.0, 0.3, 0.7, 1.0})
      for (const Policy policy : all_policies) {
        const Plan p = plan(trace, machine, {.budget_bytes = budget_between(trace, a_machine(), part), .policy = policy});
        if (!p.feasible) {
          CHECK(p.blocked_launch >= 0);
          CHECK(p.smallest_budget > p.budget_bytes);
          continue;
        }
        const Simulation s = simulate(trace, machine, p);
        INFO(s.reason);
        REQUIRE(s.possible);
        CHECK(s.peak_bytes == p.peak_bytes);
        CHECK(p.peak_bytes <= p.budget_bytes);
        CHECK(s.seconds == Approx(p.seconds));
        CHECK(p.seconds == Approx(p.keep_seconds + p.exposed_seconds + p.replay_seconds));
      }
  }
}

TEST_CASE("automatic is at least as fast as either policy alone, and works where either does") {
  for (std::uint64_t seed = 1000; seed < 1040; ++seed) {
    CAPTURE(seed);
    const Trace trace = random_trace(seed, 12);
    for (const double part : {0.1, 0.5}) {
      const std::size_t budget = budget_between(trace, a_machine(), part);
      const Plan both = plan(trace, a_machine(), {.budget_bytes = budget});
      for (const Policy policy : {Policy::swap, Policy::recompute}) {
        const Plan one = plan(trace, a_machine(), {.budget_bytes = budget, .policy = policy});
        if (!one.feasible) continue;
        REQUIRE(both.feasible);
        CHECK(both.seconds <= one.seconds * (1 + 1e-6));
      }
    }
  }
}

TEST_CASE("a smaller budget never gives a larger peak or a faster step") {
  for (std::uint64_t seed = 2000; seed < 2006; ++seed) {
    CAPTURE(seed);
    const Trace trace = random_trace(seed, 24);
    Plan smaller;
    for (int part = 0; part <= 10; ++part) {
      const Plan p = plan(trace, a_machine(), {.budget_bytes = budget_between(trace, a_machine(), part / 10.0)});
      if (smaller.feasible) {
        REQUIRE(p.feasible);
        CHECK(p.peak_bytes >= smaller.peak_bytes);
        CHECK(p.seconds <= smaller.seconds * (1 + 1e-6));
      }
      smaller = p;
    }
  }
}

TEST_CASE("of the step of a network, a smaller budget gives no larger peak and no faster step") {
  const DeviceProfile& profile = device_profile("h100-pcie5");
  const Trace trace = resnet50_trace(profile, DType::bf16, 64);
  Plan smaller;
  for (const double part : {0.2, 0.24, 0.28, 0.4, 0.44, 0.7}) {
    const Plan p = plan(trace, machine_of(profile), {.budget_bytes = budget_between(trace, a_machine(), part)});
    CAPTURE(part);
    REQUIRE(p.feasible);
    if (smaller.feasible) {
      CHECK(p.peak_bytes >= smaller.peak_bytes);
      CHECK(p.seconds <= smaller.seconds);
    }
    smaller = p;
  }
}

TEST_CASE("an infeasible plan names a budget that works") {
  for (std::uint64_t seed = 3000; seed < 3030; ++seed) {
    CAPTURE(seed);
    const Trace trace = random_trace(seed, 10);
    for (const Policy policy : all_policies) {
      const Plan none = plan(trace, a_machine(), {.budget_bytes = floor_bytes(trace) - 1, .policy = policy});
      REQUIRE_FALSE(none.feasible);
      CHECK(plan(trace, a_machine(), {.budget_bytes = none.smallest_budget, .policy = policy}).feasible);
    }
  }
}

TEST_CASE("policies do only what they may") {
  const Trace trace = chain_cnn_trace(device_profile("v100-nvlink"), 12, 16);
  const Machine machine = machine_of(device_profile("v100-nvlink"));
  const std::size_t budget = (floor_bytes(trace) + simulate(trace, machine, {}).peak_bytes) / 2;
  const auto moves = [&](Policy policy) {
    std::map<Move, int> count;
    const Plan p = plan(trace, machine, {.budget_bytes = budget, .policy = policy});
    CHECK(p.feasible == (policy != Policy::keep));
    for (const Decision& d : p.decisions) ++count[d.move];
    return count;
  };
  CHECK(moves(Policy::swap)[Move::drop] == 0);
  CHECK(moves(Policy::recompute)[Move::swap] == 0);
  CHECK(moves(Policy::keep).empty());
}

TEST_CASE("the same arguments give the same plan") {
  const Trace trace = random_trace(7, 40);
  const PlanOptions options{.budget_bytes = budget_between(trace, a_machine(), 0.3), .seed = 5};
  const Plan a = plan(trace, a_machine(), options), b = plan(trace, a_machine(), options);
  REQUIRE(a.feasible);
  REQUIRE(a.decisions.size() == b.decisions.size());
  for (std::size_t i = 0; i < a.decisions.size(); ++i) {
    const Decision &x = a.decisions[i], &y = b.decisions[i];
    CHECK(std::tie(x.storage, x.from, x.to, x.move, x.tier, x.freed_before, x.issue_at) ==
          std::tie(y.storage, y.from, y.to, y.move, y.tier, y.freed_before, y.issue_at));
  }
  CHECK(a.seconds == b.seconds);
}

TEST_CASE("plans stay within the room of the lower tiers, and use the file for what the host cannot hold") {
  for (std::uint64_t seed = 4000; seed < 4040; ++seed) {
    CAPTURE(seed);
    const Trace trace = random_trace(seed, 16);
    Machine machine = a_machine();
    machine.host_bytes = 4096;
    machine.file_bytes = seed % 2 ? 8192 : 0;
    const Plan p = plan(trace, machine, {.budget_bytes = budget_between(trace, a_machine(), 0.2), .policy = Policy::swap});
    if (!p.feasible) continue;
    const Simulation s = simulate(trace, machine, p);
    INFO(s.reason);
    REQUIRE(s.possible);
    CHECK(s.host_bytes <= machine.host_bytes);
    CHECK(s.file_bytes <= machine.file_bytes);
  }
}
