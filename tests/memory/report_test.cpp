#include "tasuki/memory/report.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.hpp"

using namespace tasuki::literals;
using tasuki::OwnerClass;
using tasuki::memory::Policy;
using tasuki::memory::Report;

static Report busy() {
  Report r;
  r.device = "sim:0";
  r.policy = Policy::automatic;
  r.budget_bytes = 64_MiB;
  r.peak_bytes = 63_MiB;
  r.predicted_peak_bytes = 62_MiB;
  r.steps = 20;
  r.planned_steps = 17;
  r.reactive_steps = 3;
  r.signatures = 2;
  r.plans = 3;
  r.plan_seconds = 0.0123;
  r.host = {.bytes_out = 1536_MiB, .bytes_in = 1500_MiB, .held_bytes = 100_MiB, .limit_bytes = 1_GiB};
  r.of(OwnerClass::activation) = {.swapped_bytes = 1500_MiB, .dropped_bytes = 200_MiB};
  r.of(OwnerClass::optimizer) = {.swapped_bytes = 36_MiB};
  r.replayed_ops = 240;
  r.replay_seconds = 2.5;
  r.exposed_seconds = 12.3e-6;
  r.late_arrivals = 1;
  r.forced_departures = 7;
  r.host_synchronizations = 5;
  return r;
}

TEST_CASE("the report as a table") {
  CHECK(busy().to_string() ==
        "memory budget on sim:0: 64.00 MiB, policy automatic\n"
        "  peak                      63.00 MiB   98.4% of the budget; planned 62.00 MiB\n"
        "  steps                            20   17 planned, 3 reactive\n"
        "  plans                             3   in 12.30 ms, for 2 kinds of step\n"
        "  to host memory             1.50 GiB   back 1.46 GiB; held 100.00 MiB of 1.00 GiB\n"
        "  replayed ops                    240   in 2.50 s\n"
        "  waited for transfers        12.3 us   1 arrival late, 7 departures unplanned\n"
        "  host synchronizations             5\n"
        "  left the device             swapped        dropped\n"
        "    activation               1.46 GiB     200.00 MiB\n"
        "    optimizer               36.00 MiB            0 B\n");
}

TEST_CASE("a budget that has done nothing yet says so in few lines") {
  Report r;
  r.device = "cpu";
  r.policy = Policy::swap;
  r.budget_bytes = 1_GiB;
  r.file.limit_bytes = 8_GiB;
  CHECK(r.to_string() ==
        "memory budget on cpu: 1.00 GiB, policy swap\n"
        "  peak                            0 B   0.0% of the budget\n"
        "  steps                             0   0 planned, 0 reactive\n"
        "  plans                             0   in 0.0 us, for 0 kinds of step\n"
        "  to the file                     0 B   back 0 B; held 0 B of 8.00 GiB\n"
        "  replayed ops                      0   in 0.0 us\n"
        "  waited for transfers         0.0 us   0 arrivals late, 0 departures unplanned\n"
        "  host synchronizations             0\n");
}

TEST_CASE("the report prints like any value") {
  std::ostringstream out;
  out << busy();
  CHECK(out.str() == busy().to_string());
}

TEST_CASE("the report as JSON has every number under the name of its field") {
  const auto json = nlohmann::json::parse(busy().to_json());
  const auto expected = nlohmann::json::parse(R"({
    "device": "sim:0", "policy": "automatic", "budget_bytes": 67108864, "peak_bytes": 66060288, "predicted_peak_bytes": 65011712,
    "steps": 20, "planned_steps": 17, "reactive_steps": 3, "signatures": 2, "plans": 3, "plan_seconds": 0.0123,
    "host": {"bytes_out": 1610612736, "bytes_in": 1572864000, "held_bytes": 104857600, "limit_bytes": 1073741824},
    "file": {"bytes_out": 0, "bytes_in": 0, "held_bytes": 0, "limit_bytes": 0},
    "departures": {
      "activation": {"swapped_bytes": 1572864000, "dropped_bytes": 209715200},
      "parameter": {"swapped_bytes": 0, "dropped_bytes": 0},
      "gradient": {"swapped_bytes": 0, "dropped_bytes": 0},
      "optimizer": {"swapped_bytes": 37748736, "dropped_bytes": 0},
      "buffer": {"swapped_bytes": 0, "dropped_bytes": 0},
      "input": {"swapped_bytes": 0, "dropped_bytes": 0},
      "temporary": {"swapped_bytes": 0, "dropped_bytes": 0}},
    "replayed_ops": 240, "replay_seconds": 2.5, "exposed_seconds": 12.3e-6, "late_arrivals": 1,
    "forced_departures": 7, "host_synchronizations": 5})");
  CHECK(json == expected);
}
