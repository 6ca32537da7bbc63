#include "src/core/chrome_trace.hpp"

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"

using Json = nlohmann::json;
using tasuki::ChromeTrace;

TEST_CASE("an empty trace is a trace") { CHECK(Json::parse(ChromeTrace().text())["traceEvents"].empty()); }

TEST_CASE("bars keep their arguments, whatever follows them") {
  ChromeTrace trace;
  trace.bar("first", "kind", 3, 1, 2.5).argument("text", "a \"quoted\"\n\\ text").argument("count", std::uint64_t{1} << 60).argument("ratio", 0.1);
  trace.level("memory", 2, "bytes", 7);
  trace.bar("second", "kind", 3, 3, 4);
  trace.name_line(3, "compute");
  trace.bar("third", "kind", 3, 5, 6).argument("last", "one");
  const Json events = Json::parse(trace.text())["traceEvents"];
  REQUIRE(events.size() == 6);
  CHECK(events[0] == Json::parse(R"({"name": "first", "cat": "kind", "ph": "X", "pid": 1, "tid": 3, "ts": 1000000.0, "dur": 1500000.0,
                                     "args": {"text": "a \"quoted\"\n\\ text", "count": 1152921504606846976, "ratio": 0.1}})"));
  CHECK(events[1]["args"] == Json{{"bytes", 7}});
  CHECK_FALSE(events[2].contains("args"));
  CHECK(events[3]["args"]["name"] == "compute");
  CHECK(events[5]["args"]["last"] == "one");
}

TEST_CASE("text may be read while a bar is open, and events follow") {
  ChromeTrace trace;
  trace.bar("first", "kind", 1, 1, 2).argument("a", "b");
  CHECK(Json::parse(trace.text())["traceEvents"].size() == 1);
  trace.bar("second", "kind", 1, 2, 3);
  CHECK(Json::parse(trace.text())["traceEvents"].size() == 2);
}
