#include <string>
#include <tuple>
#include <vector>

#include "tasuki/memory/simulation.hpp"
#include "tasuki/tasuki.hpp"
#include "tests/sim/fresh_device.hpp"

namespace ts = tasuki;
using namespace ts::testing;
using namespace ts::literals;

namespace {

/// Trains a layer for a few steps within a budget that has room for all, and returns the trace of a step.
ts::memory::Trace trained(ts::Device device, std::size_t bytes, std::int64_t batch, std::int64_t width) {
  ts::manual_seed(1);
  ts::set_default_device(device);
  ts::nn::Linear layer{width, width};
  ts::optim::AdamW optimizer{layer.parameters(), {.lr = 1e-3}};
  const ts::Tensor x = ts::randn({batch, width}), t = ts::randn({batch, width});
  ts::set_default_device(ts::Device::cpu());
  ts::memory::Budget budget{device, {.bytes = bytes, .policy = ts::memory::Policy::keep}};
  CHECK(budget.trace_json().empty());
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    ts::mse_loss(ts::relu(layer(x)), t).backward();
    optimizer.step();
  }
  return ts::memory::trace_from_json(budget.trace_json());
}

}  // namespace

TEST_CASE("by the clock alone a step has the same trace and takes the same time, and nothing is computed") {
  const auto run = [](bool clock_only) {
    fresh_device({.bytes = 64_MiB});
    const ts::Device device = ts::Device::sim(1);
    ts::sim::set_clock_only(device, clock_only);
    const std::string trace = ts::memory::to_json(trained(device, 64_MiB, 64, 256));
    const double seconds = ts::sim::clock(device).seconds();
    const std::size_t peak = ts::memory::stats(device).peak_bytes;
    CHECK(ts::full({3}, 7, {.device = device}).to(ts::Device::cpu()).numel() == 3);
    return std::tuple{trace, seconds, peak};
  };
  const auto computed = run(false);
  CHECK(run(true) == computed);
  CHECK(std::get<1>(computed) > 0);
}

#if defined(__SANITIZE_THREAD__)
constexpr std::int64_t smaller = 32;  // the thread sanitizer leaves no range of addresses for more
#else
constexpr std::int64_t smaller = 1;
#endif

TEST_CASE("a step that no machine holds is recorded and planned") {
  const std::size_t most = 8192_GiB / (smaller * smaller), moved = 128_GiB / (smaller * smaller);
  fresh_device({.bytes = most, .profile = "h100-pcie5"});
  const ts::Device device = ts::Device::sim(1);
  ts::sim::set_clock_only(device, true);
  const ts::memory::Trace trace = trained(device, most, (std::int64_t{1} << 20) / smaller, (std::int64_t{1} << 16) / smaller);
  const ts::memory::Machine machine = ts::memory::machine_of(ts::sim::profile(device));
  const ts::memory::Simulation keep = ts::memory::simulate(trace, machine, {});
  REQUIRE(keep.possible);
  CHECK(keep.peak_bytes - ts::memory::stats(device).peak_bytes < 64_KiB);  // small storages count as if they were there all the time
  CHECK(keep.peak_bytes > most / 8);
  const ts::memory::Plan plan = ts::memory::plan(trace, machine, {.budget_bytes = keep.peak_bytes - moved});
  REQUIRE(plan.feasible);
  CHECK(plan.peak_bytes <= plan.budget_bytes);
  CHECK(plan.bytes_in + plan.bytes_dropped > moved);
}

TEST_CASE("new options make a device compute again") {
  fresh_device();
  ts::sim::set_clock_only(ts::Device::sim(1), true);
  fresh_device({.bytes = 8_MiB});
  CHECK(ts::full({2}, 7, {.device = ts::Device::sim(1)}).to(ts::Device::cpu()).to_vector<float>() == std::vector<float>{7, 7});
}
