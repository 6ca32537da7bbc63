#include "src/memory/timeline.hpp"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"

using Json = nlohmann::json;
using tasuki::LaunchPhase;
using tasuki::OwnerClass;
using tasuki::memory::StepTimeline;
using tasuki::memory::Tier;

TEST_CASE("a step as a trace: one line per queue, times from its beginning, the curve of the bytes") {
  StepTimeline timeline;
  timeline.begin(100);
  timeline.launch("conv2d", LaunchPhase::forward, "stem.conv", 100.001, 100.003);
  timeline.departure(OwnerClass::activation, 4096, Tier::host, 100.003, 100.004);
  timeline.memory(100.004, 12345);
  timeline.wait(StepTimeline::Line::compute, "arrival of activation", 100.005, 100.006);
  timeline.arrival(OwnerClass::parameter, 8192, Tier::file, 100.005, 100.0065);
  timeline.launch("relu", LaunchPhase::replay, "", 100.007, 100.008);
  const Json events = Json::parse(timeline.json())["traceEvents"];
  const Json expected = Json::parse(R"([
    {"name": "thread_name", "ph": "M", "pid": 1, "tid": 1, "args": {"name": "compute"}},
    {"name": "thread_sort_index", "ph": "M", "pid": 1, "tid": 1, "args": {"sort_index": 1}},
    {"name": "thread_name", "ph": "M", "pid": 1, "tid": 2, "args": {"name": "out"}},
    {"name": "thread_sort_index", "ph": "M", "pid": 1, "tid": 2, "args": {"sort_index": 2}},
    {"name": "thread_name", "ph": "M", "pid": 1, "tid": 5, "args": {"name": "from the file"}},
    {"name": "thread_sort_index", "ph": "M", "pid": 1, "tid": 5, "args": {"sort_index": 5}},
    {"name": "conv2d", "cat": "forward", "ph": "X", "pid": 1, "tid": 1, "ts": 1000.0, "dur": 2000.0, "args": {"module": "stem.conv"}},
    {"name": "activation", "cat": "departure", "ph": "X", "pid": 1, "tid": 2, "ts": 3000.0, "dur": 1000.0, "args": {"bytes": 4096}},
    {"name": "memory", "ph": "C", "pid": 1, "ts": 4000.0, "args": {"bytes": 12345}},
    {"name": "arrival of activation", "cat": "wait", "ph": "X", "pid": 1, "tid": 1, "ts": 5000.0, "dur": 1000.0},
    {"name": "parameter", "cat": "arrival", "ph": "X", "pid": 1, "tid": 5, "ts": 5000.0, "dur": 1500.0, "args": {"bytes": 8192}},
    {"name": "relu", "cat": "replay", "ph": "X", "pid": 1, "tid": 1, "ts": 7000.0, "dur": 1000.0, "args": {"module": ""}}])");
  REQUIRE(events.size() == expected.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    INFO(i << ": " << events[i].dump());
    CHECK(events[i] == expected[i]);
  }
}

TEST_CASE("a new step forgets the one before") {
  StepTimeline timeline;
  timeline.begin(0);
  timeline.launch("relu", LaunchPhase::forward, "", 1, 2);
  timeline.begin(3);
  CHECK(timeline.empty());
  CHECK(Json::parse(timeline.json())["traceEvents"].empty());
}

TEST_CASE("events beyond the most that are kept are left out") {
  StepTimeline timeline;
  timeline.begin(0);
  for (std::size_t i = 0; i < StepTimeline::most_events + 10; ++i) timeline.memory(1, 1);
  CHECK(Json::parse(timeline.json())["traceEvents"].size() == StepTimeline::most_events);
}

TEST_CASE("save writes the trace to a file, and says so when it cannot") {
  StepTimeline timeline;
  timeline.begin(0);
  timeline.launch("relu", LaunchPhase::forward, "", 1, 2);
  const std::string path = "timeline_test_trace.json";
  timeline.save(path);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  CHECK(text.str() == timeline.json());
  std::remove(path.c_str());
  CHECK_THROWS_AS(timeline.save("no/such/directory/trace.json"), tasuki::FileError);
}
