// From nearly all that a step takes down to what its largest launch needs at once: the same bits, and below that an error whose
// number is right.
#include <cstring>
#include <regex>

#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tests/catch.hpp"
#include "tests/memory/training.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using namespace ts::memory;
using namespace testing_memory;

namespace {

void small_network(ts::Device device, Notes& notes) {
  ts::nn::Sequential net;
  for (int i = 0; i < 3; ++i) net.append(ts::nn::Linear{96, 96}).append(ts::nn::BatchNorm1d{96}).append(ts::nn::ReLU{}).append(ts::nn::Dropout{0.1f});
  net.to(device);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05, .momentum = 0.9}};
  const ts::Tensor x = ts::randn({512, 96}).to(device);
  for (int step = 0; step < 6; ++step) {
    opt.zero_grad();
    const ts::Tensor loss = ts::mean(ts::square(net(x)));
    loss.backward();
    opt.step();
    notes.add(loss);
  }
  notes.add(net);
}

/// What the largest launch of the program's steps needs, as the budget records them.
std::size_t floor_of(Program program, ts::Device device) {
  Manager& manager = Manager::of(device);
  manager.start({.bytes = 128_MiB, .policy = Policy::keep});
  Notes notes;
  program(device, notes);
  const std::size_t floor = floor_bytes(trace_of(manager.steps().recorder().ended(), device));
  manager.stop();
  return floor;
}

struct Sweep {
  ts::Device device;
  Run keep;
  std::size_t floor;
  explicit Sweep(ts::Device on) : device(on), keep(run(small_network, on, std::nullopt)), floor(floor_of(small_network, on)) {}

  /// True with the right bits, false without room.
  bool works(std::size_t bytes, Policy policy) const {
    CAPTURE(device.to_string(), ts::memory::name_of(policy), bytes, floor, keep.peak);
    try {
      const Run bounded = run(small_network, device, BudgetOptions{.bytes = bytes, .policy = policy});
      CHECK(bounded.peak <= bytes);
      REQUIRE(bounded.numbers.size() == keep.numbers.size());
      CHECK(std::memcmp(bounded.numbers.data(), keep.numbers.data(), keep.numbers.size() * sizeof(float)) == 0);
      return true;
    } catch (const ts::OutOfMemory&) {
      return false;
    }
  }
  std::size_t between(double part) const { return floor + static_cast<std::size_t>(part * static_cast<double>(keep.peak - floor)); }
};

}  // namespace

TEST_CASE("budgets from 0.9 of the way down to the floor") {
  const Sweep sim(ts::Device::sim(0, {.bytes = 256_MiB, .schedule = ts::SimSchedule::seeded, .seed = 4, .poison = true}));
  REQUIRE(sim.floor < sim.keep.peak / 2);
  for (const double part : {0.9, 0.7, 0.5, 0.3, 0.15, 0.05, 0.0})
    for (const Policy policy : {Policy::swap, Policy::automatic}) {
      CAPTURE(part, ts::memory::name_of(policy));
      CHECK(sim.works(sim.between(part), policy));
    }
  // Parameters, momentum and the batch cannot be computed again.
  for (const double part : {0.9, 0.7, 0.6}) CHECK(sim.works(sim.between(part), Policy::recompute));
  for (const double part : {0.3, 0.1, 0.0}) sim.works(sim.between(part), Policy::recompute);

  const Sweep cpu(ts::Device::cpu());  // whose blocks come in sizes, and share pages
  for (const double part : {0.9, 0.5, 0.25})
    for (const Policy policy : {Policy::swap, Policy::recompute, Policy::automatic}) {
      CAPTURE(part, ts::memory::name_of(policy));
      CHECK((cpu.works(cpu.between(part), policy) || policy == Policy::recompute));
    }
}

TEST_CASE("the budget that an error names is enough for that launch, and a few of them for the step") {
  for (const ts::Device device : {ts::Device::cpu(), ts::Device::sim(0, {.bytes = 256_MiB})}) {
    const Run keep = run(small_network, device, std::nullopt);
    for (const Policy policy : {Policy::swap, Policy::automatic}) {
      CAPTURE(device.to_string(), ts::memory::name_of(policy));
      std::size_t bytes = 100_KiB, tries = 0;
      Run bounded;
      for (;; ++tries) {
        REQUIRE(tries < 20);
        ts::memory::reset_peak(device);
        const std::size_t held = ts::memory::stats(device).reserved_bytes;  // by other tests
        const std::string error = tasuki::testing::error_text([&] { bounded = run(small_network, device, BudgetOptions{.bytes = bytes, .policy = policy}); });
        if (error.empty()) break;
        INFO(error);
        ts::memory::reset_peak(device);
        CHECK(ts::memory::stats(device).reserved_bytes == held);  // nothing is left of the attempt
        std::smatch found;
        REQUIRE(std::regex_search(error, found, std::regex("^OutOfMemory: (\\w+)")));
        REQUIRE(std::regex_search(error, found, std::regex("the smallest that this launch fits is (\\d+)")));
        const std::size_t named = std::stoull(found[1]) - held;
        REQUIRE(named > bytes);
        bytes = named;
      }
      CHECK(tries > 0);
      CHECK(bytes < keep.peak / 2);
      CHECK(bounded.numbers == keep.numbers);
    }
  }
}
