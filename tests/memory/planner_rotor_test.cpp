// The dynamic programme for chains: what it keeps fits, and is what the theory of checkpoints says.
#include <algorithm>

#include "src/memory/planner/rotor.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/memory/synthetic_trace.hpp"

using namespace tasuki;
using namespace tasuki::memory;
using namespace tasuki::memory::planner;

namespace {

/// Ops that all take one second and make 1,024 bytes, each of which the backward of the next one reads.
Trace even_chain(int ops) {
  Trace t;
  t.storages.push_back({1024, OwnerClass::input, true, false, 2 * ops - 1, false});
  for (int i = 1; i <= ops; ++i) {
    t.storages.push_back({1024, OwnerClass::activation, false, false, 2 * ops - i, false});
    t.launches.push_back({"op", "", LaunchPhase::forward, 1, 0, {i - 1}, {i}, 0, true});
  }
  for (int i = ops; i >= 1; --i) t.launches.push_back({"op", "", LaunchPhase::backward, 2, 0, {i}, {}, 0, false});
  return t;
}

std::size_t bytes_kept(const StepModel& model, const Choices& choices) {
  std::size_t sum = 0;
  for (std::size_t g = 0; g < choices.size(); ++g) sum += choices[g] == Choice::keep && model.gaps[g].droppable ? model.gaps[g].bytes : 0;
  return sum;
}

std::ptrdiff_t drops(const Choices& choices) { return std::count(choices.begin(), choices.end(), Choice::drop); }

}  // namespace

TEST_CASE("with room for everything nothing is dropped, with room for nothing there is no solution") {
  const Trace trace = even_chain(24);
  const StepModel model(trace);
  const Rotor rotor(model);
  CHECK(drops(rotor.within(rotor.droppable_bytes()).choices) == 0);
  CHECK(rotor.within(0).choices.empty());
}

TEST_CASE("what is kept fits into the bytes, and more bytes drop less") {
  for (const Trace& trace : {even_chain(24), chain_cnn_trace(device_profile("h100-pcie5"), 20, 16)}) {
    const StepModel model(trace);
    const Rotor rotor(model);
    std::ptrdiff_t most = static_cast<std::ptrdiff_t>(model.gaps.size()) + 1;
    for (const double part : {0.3, 0.5, 0.7, 0.9}) {
      const double bytes = part * rotor.droppable_bytes();
      const Rotor::Checkpoints found = rotor.within(bytes);
      REQUIRE_FALSE(found.choices.empty());
      CHECK(static_cast<double>(bytes_kept(model, found.choices)) <= bytes + 1024);
      CHECK(drops(found.choices) > 0);
      CHECK(drops(found.choices) <= most);
      most = drops(found.choices);
    }
  }
}

TEST_CASE("replays of an even chain start from checkpoints in between, so that each op runs again once") {
  const int ops = 24;
  const Trace trace = even_chain(ops);
  const StepModel model(trace);
  const Rotor::Checkpoints found = Rotor(model).within(10 * 1024);
  REQUIRE_FALSE(found.choices.empty());
  CHECK(std::count(found.inputs.begin(), found.inputs.end(), true) >= 2);
  Machine machine;
  Scheduler scheduler(model, machine);
  const Outcome outcome = scheduler.schedule(found.choices, 14 * 1024);
  REQUIRE(outcome.feasible);
  CHECK(outcome.seconds <= model.seconds + ops);
}

TEST_CASE("what marks a gap as an input of replays keeps it") {
  const Trace trace = chain_cnn_trace(device_profile("h100-pcie5"), 30, 16);
  const StepModel model(trace);
  const Rotor rotor(model);
  const Rotor::Checkpoints found = rotor.within(rotor.droppable_bytes() / 3);
  REQUIRE_FALSE(found.choices.empty());
  for (std::size_t g = 0; g < found.choices.size(); ++g)
    if (found.inputs[g]) CHECK(found.choices[g] == Choice::keep);
}
