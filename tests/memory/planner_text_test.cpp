// Traces and plans as texts: they come back as they were, and malformed ones are errors that say where.
#include <algorithm>

#include "tasuki/core/error.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tests/catch.hpp"
#include "tests/memory/synthetic_trace.hpp"
#include "tests/support/expect_error.hpp"

using namespace tasuki;
using namespace tasuki::memory;
using Catch::Contains;

namespace {

Machine slow_machine() {
  Machine m;
  m.out = m.in = {1e-6, 300e6};
  return m;
}

Plan some_plan(const Trace& trace) {
  const std::size_t peak = simulate(trace, slow_machine(), {}).peak_bytes;
  return plan(trace, slow_machine(), {.budget_bytes = (floor_bytes(trace) + peak) / 2});
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

std::string error_of_trace(const std::string& text) {
  return testing::error_text([&] { trace_from_json(text); });
}

}  // namespace

TEST_CASE("a trace comes back from JSON as it was") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Trace trace = random_trace(seed, 15);
    const std::string text = to_json(trace);
    const Trace back = trace_from_json(text);
    CHECK(to_json(back) == text);
    CHECK(back.launches.size() == trace.launches.size());
    CHECK(back.launches.back().seconds == trace.launches.back().seconds);
    CHECK(floor_bytes(back) == floor_bytes(trace));
  }
}

TEST_CASE("a plan comes back from JSON as it was, and plays the same") {
  const Trace trace = random_trace(11, 30);
  const Plan p = some_plan(trace);
  REQUIRE(p.feasible);
  REQUIRE_FALSE(p.decisions.empty());
  const Plan back = plan_from_json(to_json(p));
  CHECK(to_json(back) == to_json(p));
  const Simulation s = simulate(trace, slow_machine(), back);
  CHECK(s.possible);
  CHECK(s.peak_bytes == p.peak_bytes);
}

TEST_CASE("malformed JSON is an error that says where") {
  const std::string good = to_json(random_trace(3, 6));
  CHECK_THAT(error_of_trace("{"), Contains("not a trace as JSON"));
  CHECK_THAT(error_of_trace("[]"), Contains("\"format\" is not \"tasuki-trace-1\""));
  CHECK_THAT(error_of_trace(to_json(Plan{})), Contains("\"format\" is not \"tasuki-trace-1\""));
  CHECK_THAT(error_of_trace(replaced(good, "\"base_bytes\":", "\"base_bites\":")), Contains("trace has no \"base_bytes\""));
  CHECK_THAT(error_of_trace(replaced(good, "\"at_start\":", "\"at_start\":0,\"x\":")), Contains("trace.storages[0].at_start must be true or false, not 0"));
  CHECK_THAT(error_of_trace(replaced(good, "\"bytes\":", "\"bytes\":-4,\"x\":")), Contains("trace.storages[0].bytes must be an integer that is not negative, not -4"));
  CHECK_THAT(error_of_trace(replaced(good, "\"writes\":[", "\"writes\":[99999999999,")), Contains("trace.launches[0].writes[0] must be an integer, not 99999999999"));
  CHECK_THAT(error_of_trace(replaced(good, "\"phase\":\"forward\"", "\"phase\":\"sideways\"")), Contains("trace.launches[0].phase is \"sideways\"; there are forward, backward, replay"));
}

TEST_CASE("a trace that contradicts itself is an error that says how") {
  const auto error_of = [](auto change) {
    Trace t;
    t.storages = {{256, OwnerClass::parameter, true, true, 1, false}, {512, OwnerClass::activation, false, false, 1, false}};
    t.launches.resize(2);
    t.launches[0] = {"relu", "", LaunchPhase::forward, 1e-3, 0, {0}, {1}, 0, true};
    t.launches[1] = {"mul", "", LaunchPhase::backward, 1e-3, 0, {1}, {0}, 0, false};
    change(t);
    return testing::error_text([&] { plan(t, slow_machine(), {.budget_bytes = 1024}); });
  };
  CHECK_THAT(error_of([](Trace& t) { t.launches[1].reads = {7}; }), Contains("launch 1 (mul) uses storage 7 of 2"));
  CHECK_THAT(error_of([](Trace& t) { t.launches[0].reads = {1}; t.launches[0].writes = {1}; }), Contains("launch 0 (relu) reads storage 1 before anything has written it"));
  CHECK_THAT(error_of([](Trace& t) { t.launches[1].reads = {1, 1}; }), Contains("launch 1 (mul) lists storage 1 twice"));
  CHECK_THAT(error_of([](Trace& t) { t.storages[1].released_after = 0; }), Contains("storage 1 is released after launch 0, but used by launch 1 (mul)"));
  CHECK_THAT(error_of([](Trace& t) { t.storages[0].released_after = 0; }), Contains("storage 0 lives on after the step, but is released after launch 0"));
  CHECK_THAT(error_of([](Trace& t) { t.launches[0].seconds = -1; }), Contains("launch 0 (relu) takes -1 s"));
  CHECK_THAT(error_of([](Trace& t) { t.storages[0].bytes = SIZE_MAX; }), Contains("more than 2^60 bytes"));
}

TEST_CASE("the table shows each decision, and why there is no plan") {
  const Trace trace = random_trace(11, 30);
  const Plan p = some_plan(trace);
  const std::string table = to_table(trace, p);
  CHECK_THAT(table, Contains("peak "));
  CHECK(std::count(table.begin(), table.end(), '\n') == static_cast<std::ptrdiff_t>(p.decisions.size()) + 2);
  const Plan none = plan(trace, slow_machine(), {.budget_bytes = 256});
  CHECK_THAT(to_table(trace, none), Contains("no plan within 256 B: launch ") && Contains("the smallest budget is "));
}

TEST_CASE("the timeline has every launch, copy and replay") {
  const Trace trace = random_trace(11, 30);
  const Simulation s = simulate(trace, slow_machine(), some_plan(trace));
  REQUIRE(s.possible);
  const std::string text = to_timeline(trace, s);
  std::size_t bars = 0;
  for (std::size_t at = text.find("\"ph\": \"X\""); at != std::string::npos; at = text.find("\"ph\": \"X\"", at + 1)) ++bars;
  CHECK(bars == trace.launches.size() + s.copies.size() + s.replays.size());
}
