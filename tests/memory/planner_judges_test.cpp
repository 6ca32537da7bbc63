// The planner against exhaustive search on small traces, and against the lower bound on steps of real networks.
#include <algorithm>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/memory/planner_budgets.hpp"
#include "tests/memory/synthetic_trace.hpp"

using namespace tasuki;
using namespace tasuki::memory;

namespace {

Machine two_way_machine() {
  Machine m;
  m.out = m.in = {1e-6, 300e6};
  return m;
}

double at(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

}  // namespace

TEST_CASE("small steps: where any choice fits the planner nearly always finds one, and nearly the fastest") {
  std::vector<double> ratios;
  int works = 0, missed = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Trace trace = random_trace(seed, 4 + static_cast<int>(seed % 5));
    for (const double part : {0.25, 0.6}) {
      const PlanOptions options{.budget_bytes = budget_between(trace, two_way_machine(), part)};
      Plan best;
      try {
        best = exhaustive_plan(trace, two_way_machine(), options);
      } catch (const ValueError&) {
        continue;  // too many gaps
      }
      if (!best.feasible) continue;
      ++works;
      const Plan p = plan(trace, two_way_machine(), options);
      missed += !p.feasible;
      if (p.feasible) ratios.push_back(p.seconds / best.seconds);
    }
  }
  REQUIRE(works > 200);
  CAPTURE(works, missed, at(ratios, 0.5), at(ratios, 0.9), at(ratios, 0.99), at(ratios, 1));
  CHECK(missed <= works / 50);
  CHECK(at(ratios, 0.5) <= 1.0 + 1e-6);
  CHECK(at(ratios, 0.9) <= 1.15);
}

TEST_CASE("no plan is faster than the lower bound") {
  for (std::uint64_t seed = 500; seed < 530; ++seed) {
    CAPTURE(seed);
    const Trace trace = random_trace(seed, 16);
    for (const double part : {0.2, 0.5, 0.8}) {
      const Plan p = plan(trace, two_way_machine(), {.budget_bytes = budget_between(trace, two_way_machine(), part)});
      if (p.feasible) CHECK(p.seconds * (1 + 1e-6) >= lower_bound(trace, two_way_machine(), p.budget_bytes));
    }
  }
}

TEST_CASE("no choice at all is faster than the lower bound") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const Trace trace = random_trace(seed, 4 + static_cast<int>(seed % 5));
    Machine machine = two_way_machine();
    machine.out.bytes_per_s = machine.in.bytes_per_s = seed % 2 ? 3e9 : 50e6;
    for (const double part : {0.1, 0.25, 0.6}) try {
        const Plan best = exhaustive_plan(trace, machine, {.budget_bytes = budget_between(trace, two_way_machine(), part)});
        if (best.feasible) CHECK(best.seconds * (1 + 1e-9) >= lower_bound(trace, machine, best.budget_bytes));
      } catch (const ValueError&) {  // too many gaps
      }
  }
}

TEST_CASE("the bound of a step that fits is the step itself") {
  const Trace trace = random_trace(1, 10);
  CHECK(lower_bound(trace, two_way_machine(), budget_between(trace, two_way_machine(), 1)) == Approx(simulate(trace, two_way_machine(), {}).keep_seconds));
}

TEST_CASE("steps of networks are close to the lower bound") {
  std::vector<double> ratios;
  for (const char* name : {"v100-nvlink", "h100-pcie5"}) {
    const DeviceProfile& profile = device_profile(name);
    const Machine machine = machine_of(profile);
    for (const Trace& trace : {chain_cnn_trace(profile, 20, 64), unet_trace(profile, DType::f32, 4, 256, 32)})
      for (const double part : {0.4, 0.6}) {
        const Plan p = plan(trace, machine, {.budget_bytes = budget_between(trace, two_way_machine(), part)});
        REQUIRE(p.feasible);
        ratios.push_back(p.seconds / lower_bound(trace, machine, p.budget_bytes));
      }
  }
  CAPTURE(ratios);
  CHECK(at(ratios, 0.5) <= 1.15);
  CHECK(at(ratios, 1) <= 1.3);
}

TEST_CASE("where the link is slow and the arithmetic fast, replays and copies together come close to the bound") {
  const DeviceProfile& profile = device_profile("h100-pcie5");
  const Machine machine = machine_of(profile);
  struct Case {
    Trace trace;
    double part, of_keeping, of_bound;
  };
  const Case cases[] = {{resnet50_trace(profile, DType::bf16, 256), 0.5, 1.07, 1.02},
                        {resnet50_trace(profile, DType::bf16, 256), 0.25, 1.16, 1.03},
                        {unet_trace(profile, DType::bf16, 8, 512, 64), 0.5, 1.08, 1.03},
                        {unet_trace(profile, DType::bf16, 8, 512, 64), 0.25, 1.16, 1.05},
                        {gpt2_trace(profile, DType::bf16, 12, 768, 1024, 8), 0.5, 1.13, 1.04}};
  for (const Case& c : cases) {
    const Plan p = plan(c.trace, machine, {.budget_bytes = budget_between(c.trace, two_way_machine(), c.part)});
    REQUIRE(p.feasible);
    CAPTURE(c.part, p.seconds / p.keep_seconds, lower_bound(c.trace, machine, p.budget_bytes) / p.keep_seconds);
    CHECK(p.seconds <= c.of_keeping * p.keep_seconds);
    CHECK(p.seconds <= c.of_bound * lower_bound(c.trace, machine, p.budget_bytes));
    CHECK(static_cast<double>(p.peak_bytes) >= 0.95 * static_cast<double>(p.budget_bytes));
  }
}

TEST_CASE("parameters and optimizer state that stay leave a transformer no plan at 1.08") {
  const DeviceProfile& profile = device_profile("h100-pcie5");
  const Trace trace = gpt2_trace(profile, DType::bf16, 12, 768, 1024, 8);
  const double keep = simulate(trace, machine_of(profile), {}).keep_seconds;
  CHECK(lower_bound(trace, machine_of(profile), budget_between(trace, two_way_machine(), 0.5)) > 1.08 * keep);
}
