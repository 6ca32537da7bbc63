#include "tasuki/debug/profiler.hpp"

#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/context.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using tasuki::testing::to_tensor;
using ts::Tensor;
using Json = nlohmann::json;

static Tensor matrix(double value = 1) { return to_tensor(tasuki::testing::HostArray({8, 8}, value), ts::f32); }

static Json events_of(const ts::debug::Profiler& profiler) { return Json::parse(profiler.trace())["traceEvents"]; }

static std::string place_of(const Json& event) {
  const std::string at = event["args"]["at"];
  return at.substr(at.find_last_of('/') + 1);
}

TEST_CASE("the trace has one event per launch, with op, phase, module, shapes, bytes, flops and the user's line") {
  const Tensor w = matrix().requires_grad_();
  ts::debug::Profiler profiler;
  const ts::ModuleScope scope(ts::intern("encoder.\"odd\\name\""));
  ts::matmul(w, matrix());
  const unsigned line = __LINE__ - 1;
  REQUIRE(profiler.launches() == 1);
  const Json event = events_of(profiler)[0];
  CHECK(event["name"] == "matmul");
  CHECK(event["ph"] == "X");
  CHECK(event["cat"] == "forward");
  CHECK(event["dur"].get<double>() > 0);
  CHECK(event["ts"].get<double>() >= 0);
  const Json& args = event["args"];
  CHECK(args["module"] == "encoder.\"odd\\name\"");
  CHECK(args["inputs"] == "f32[8, 8], f32[8, 8]");
  CHECK(args["outputs"] == "f32[8, 8]");
  CHECK(args["bytes"] == 3 * 8 * 8 * 4);
  CHECK(args["flops"] == 2.0 * 8 * 8 * 8);
  CHECK(place_of(event) == "profiler_test.cpp:" + std::to_string(line));
}

TEST_CASE("launches of backward are told apart from those of forward, fused or composed of ops") {
  const Tensor x = matrix().requires_grad_();
  ts::debug::Profiler profiler;
  const Tensor y = (ts::matmul(x, x) * x).sum();
  const std::size_t forward = profiler.launches();
  y.backward({.create_graph = GENERATE(false, true)});
  const Json events = events_of(profiler);
  REQUIRE(events.size() > forward);
  for (std::size_t i = 0; i < events.size(); ++i) {
    INFO(i << " " << events[i].dump());
    // the ones that backward starts from are made before it begins
    if (events[i]["name"] != "fill_") CHECK(events[i]["cat"] == (i < forward ? "forward" : "backward"));
  }
}

TEST_CASE("a gradient in ops is reported at the line of the forward call") {
  const Tensor x = matrix(2).requires_grad_();
  const Tensor y = x / 3;
  const unsigned line = __LINE__ - 1;
  ts::debug::Profiler profiler;
  ts::grad({y}, {x}, {.create_graph = true, .grad_outputs = {matrix()}});
  const Json events = events_of(profiler);
  REQUIRE(events.size() >= 1);
  for (const Json& event : events) CHECK(place_of(event) == "profiler_test.cpp:" + std::to_string(line));
}

TEST_CASE("the table sums up by op and phase, longest first") {
  const Tensor a = matrix();
  ts::debug::Profiler profiler;
  for (int i = 0; i < 5; ++i) a + a;
  ts::matmul(a, a);
  const auto rows = profiler.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].seconds >= rows[1].seconds);
  const auto& adds = rows[0].op == "add" ? rows[0] : rows[1];
  CHECK(adds.launches == 5);
  CHECK(adds.phase == "forward");
  CHECK(adds.bytes == 5u * 3 * 8 * 8 * 4);
  const std::string table = profiler.table();
  CHECK_THAT(table, Catch::Contains("matmul") && Catch::Contains("add") && Catch::Contains("total"));
}

TEST_CASE("nothing is recorded before, after stop, or by a profiler that was cleared") {
  const Tensor a = matrix();
  a + a;
  ts::debug::Profiler profiler;
  CHECK(profiler.launches() == 0);
  a + a;
  profiler.clear();
  CHECK(profiler.launches() == 0);
  a + a;
  profiler.stop();
  a + a;
  profiler.stop();
  CHECK(profiler.launches() == 1);
  CHECK(events_of(profiler).size() == 1);
}

TEST_CASE("launches of several threads are on lines of their own") {
  const Tensor a = matrix();
  ts::debug::Profiler profiler;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) a * a;
  });
  for (int i = 0; i < 100; ++i) a + a;
  other.join();
  std::map<std::string, std::set<int>> threads;
  for (const Json& event : events_of(profiler)) threads[event["name"].get<std::string>()].insert(event["tid"].get<int>());
  CHECK(threads["add"].size() == 1);
  CHECK(threads["mul"].size() == 1);
  CHECK(threads["add"] != threads["mul"]);
  CHECK(profiler.launches() == 200);
}

TEST_CASE("save writes the trace to a file, and says so when it cannot") {
  const Tensor a = matrix();
  ts::debug::Profiler profiler;
  a + a;
  const std::string path = "profiler_test_trace.json";
  profiler.save(path);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  CHECK(text.str() == profiler.trace());
  std::remove(path.c_str());
  CHECK_THROWS_AS(profiler.save("no/such/directory/trace.json"), ts::FileError);
  CHECK_THROWS_WITH(profiler.save("no/such/directory/trace.json"),
                    Catch::Contains("no/such/directory/trace.json") && Catch::Contains("No such file"));
}
