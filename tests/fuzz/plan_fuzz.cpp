// Any bytes are a plan as JSON, or a ValueError. Whatever a plan says about a step, playing it is possible or names what is not, and
// what is possible can be shown.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tasuki/core/error.hpp"
#include "tasuki/memory/simulation.hpp"

namespace {

using namespace tasuki;
using namespace tasuki::memory;

/// Four ops over a parameter, back through all of them, and an update: each kind of gap is in it.
Trace small_step() {
  Trace t;
  t.storages.push_back({1024, OwnerClass::parameter, true, true, 8, false});
  for (int i = 1; i <= 4; ++i) t.storages.push_back({4096, OwnerClass::activation, false, false, 8 - i, false});
  t.storages[4].at_end = true;  // the program keeps what the last op made
  t.storages[4].released_after = 8;
  const auto add = [&](LaunchPhase phase, std::vector<int> reads, std::vector<int> writes) {
    t.launches.push_back({"op", "", phase, 1e-6, 512, std::move(reads), std::move(writes), 0, phase == LaunchPhase::forward});
  };
  for (int i = 1; i <= 4; ++i) add(LaunchPhase::forward, {i - 1, i == 3 ? 1 : 0}, {i});
  t.launches[0].reads = {0};
  for (int i = 4; i >= 1; --i) add(LaunchPhase::backward, {i}, {});
  add(LaunchPhase::backward, {0}, {0});
  return t;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const Trace trace = small_step();
  try {
    const Plan plan = plan_from_json(std::string(reinterpret_cast<const char*>(bytes), size));
    if (to_json(plan_from_json(to_json(plan))) != to_json(plan)) std::abort();
    if (plan.decisions.size() > 40) return 0;
    Machine machine;
    machine.out = machine.in = {1e-6, 1e9};
    machine.file_out = machine.file_in = {1e-6, 1e8};
    machine.host_bytes = 8192;
    const Simulation played = simulate(trace, machine, plan);
    if (played.possible != played.reason.empty()) std::abort();
    if (!to_table(trace, plan).empty() && played.possible && to_timeline(trace, played).empty()) std::abort();
  } catch (const ValueError&) {
  }
  return 0;
}
