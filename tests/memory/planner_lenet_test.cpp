// The step of LeNet with 512 images, on a GPU of which the link is fast: launches of microseconds, copies that take longer than most,
// and a few large activations that many budgets hang on.
#include "tasuki/memory/simulation.hpp"
#include "tests/catch.hpp"

using namespace tasuki;
using namespace tasuki::memory;

namespace {

TraceLaunch launch(const char* op, LaunchPhase phase, double us, std::size_t workspace, std::vector<int> reads, std::vector<int> writes, bool recorded) {
  return {op, "", phase, us * 1e-6, workspace, std::move(reads), std::move(writes), 0, recorded};
}

Trace lenet() {
  constexpr LaunchPhase forward = LaunchPhase::forward, backward = LaunchPhase::backward;
  Trace t;
  t.base_bytes = 53120;
  t.storages = {
      {1605632, OwnerClass::temporary, true, true, 25, true},
      {9633792, OwnerClass::activation, false, false, 2, false},
      {9633792, OwnerClass::activation, false, false, 23, false},
      {2408448, OwnerClass::activation, false, false, 21, false},
      {602112, OwnerClass::activation, false, false, 22, false},
      {3276800, OwnerClass::activation, false, false, 5, false},
      {3276800, OwnerClass::activation, false, false, 20, false},
      {819200, OwnerClass::activation, false, false, 18, false},
      {204800, OwnerClass::activation, false, false, 19, false},
      {192000, OwnerClass::parameter, true, true, 25, false},
      {245760, OwnerClass::activation, false, false, 7, false},
      {245760, OwnerClass::activation, false, false, 17, false},
      {40320, OwnerClass::parameter, true, true, 25, false},
      {172032, OwnerClass::activation, false, false, 9, false},
      {172032, OwnerClass::activation, false, false, 15, false},
      {20480, OwnerClass::activation, false, true, 25, false},
      {20480, OwnerClass::gradient, false, false, 14, false},
      {172032, OwnerClass::gradient, false, false, 15, false},
      {172032, OwnerClass::gradient, false, false, 16, false},
      {245760, OwnerClass::gradient, false, false, 17, false},
      {40320, OwnerClass::gradient, false, false, 25, false},
      {245760, OwnerClass::gradient, false, false, 18, false},
      {819200, OwnerClass::gradient, false, false, 19, false},
      {192000, OwnerClass::gradient, false, false, 25, false},
      {3276800, OwnerClass::gradient, false, false, 20, false},
      {3276800, OwnerClass::gradient, false, false, 21, false},
      {2408448, OwnerClass::gradient, false, false, 22, false},
      {9633792, OwnerClass::gradient, false, false, 23, false},
      {9633792, OwnerClass::gradient, false, false, 24, false},
      {192000, OwnerClass::optimizer, true, true, 25, false},
      {40320, OwnerClass::optimizer, true, true, 25, false},
  };
  t.launches = {
      launch("conv2d", forward, 14.49, 12038912, {0}, {1}, true),
      launch("relu", forward, 23.41, 0, {1}, {2}, true),
      launch("max_pool2d", forward, 16.05, 0, {2}, {3, 4}, true),
      launch("conv2d", forward, 17.65, 3286528, {3}, {5}, true),
      launch("relu", forward, 9.28, 0, {5}, {6}, true),
      launch("max_pool2d", forward, 6.78, 0, {6}, {7, 8}, true),
      launch("linear", forward, 5.13, 206080, {7, 9}, {10}, true),
      launch("relu", forward, 2.55, 0, {10}, {11}, true),
      launch("linear", forward, 2.66, 66816, {11, 12}, {13}, true),
      launch("relu", forward, 2.38, 0, {13}, {14}, true),
      launch("linear", forward, 2.22, 50432, {14}, {15}, true),
      launch("cross_entropy", forward, 2.03, 0, {15}, {}, true),
      launch("fill_", forward, 2.00, 0, {}, {}, false),
      launch("cross_entropy", backward, 2.05, 0, {15}, {16}, false),
      launch("linear", backward, 2.41, 43520, {14, 16}, {17}, false),
      launch("relu", backward, 2.57, 0, {14, 17}, {18}, false),
      launch("linear", backward, 3.31, 178688, {11, 12, 18}, {19, 20}, false),
      launch("relu", backward, 2.82, 0, {11, 19}, {21}, false),
      launch("linear", backward, 8.26, 323072, {7, 9, 21}, {22, 23}, false),
      launch("max_pool2d", backward, 6.78, 0, {8, 22}, {24}, false),
      launch("relu", backward, 12.92, 0, {6, 24}, {25}, false),
      launch("conv2d", backward, 33.31, 17950208, {3, 25}, {26}, false),
      launch("max_pool2d", backward, 16.05, 0, {4, 26}, {27}, false),
      launch("relu", backward, 34.11, 0, {2, 27}, {28}, false),
      launch("conv2d", backward, 14.49, 12058112, {0, 28}, {}, false),
      launch("sgd_step", forward, 2.82, 0, {9, 12, 23, 20, 29, 30}, {9, 12, 29, 30}, false),
  };
  return t;
}

}  // namespace

TEST_CASE("LeNet: budgets between which another storage has to leave each have a plan of their own") {
  const Trace trace = lenet();
  const Machine machine = machine_of(device_profile("v100-nvlink"));
  const std::size_t floor = floor_bytes(trace), peak = simulate(trace, machine, {}).peak_bytes;
  const auto ratio = [&](double phi, Policy policy) {
    const auto budget = floor + static_cast<std::size_t>(phi * static_cast<double>(peak - floor));
    const Plan p = plan(trace, machine, {.budget_bytes = budget, .policy = policy});
    CAPTURE(phi, name_of(policy));
    REQUIRE(p.feasible);
    CHECK(p.peak_bytes <= budget);
    return p.seconds / p.keep_seconds;
  };
  // A little pooled data is enough at 0.75, and waits 18 us to come back; the first layer's output would be waited for 167 us.
  CHECK(ratio(0.75, Policy::swap) < 1.08);
  CHECK(ratio(0.75, Policy::recompute) < 1.16);
  CHECK(ratio(0.75, Policy::automatic) < 1.07);
  CHECK(ratio(0.9, Policy::automatic) == Approx(1));
  CHECK(ratio(0.5, Policy::automatic) < 1.16);
  CHECK(ratio(0.25, Policy::automatic) < 1.68);
  // What automatic does is never slower than either alone.
  for (const double phi : {0.97, 0.85, 0.8, 0.72, 0.6})
    for (const Policy alone : {Policy::swap, Policy::recompute}) {
      const double both = ratio(phi, Policy::automatic);
      CHECK(both <= ratio(phi, alone));
    }
}
