// What a budget leaves behind when it ends, and what the next one makes of it.
#include <vector>

#include "src/memory/manager.hpp"
#include "tests/catch.hpp"
#include "tests/memory/faulty_calls.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using tasuki::memory::Manager;

TEST_CASE("what does not fit the device when a budget ends stays where it is, through the next budget too") {
  const ts::Device device = ts::Device::sim(4, {.bytes = 8_MiB, .poison = true});
  std::vector<ts::Tensor> tensors;  // 12 MiB in all
  {
    const ts::memory::Budget budget{device, 4_MiB};
    for (int i = 0; i < 12; ++i) tensors.push_back(ts::full({256, 1024}, static_cast<float>(i), {.device = device}) + 1);
  }
  for (int i = 0; i < 2; ++i) {
    const ts::memory::Budget budget{device, 3_MiB};
    for (int j = 0; j < 12; ++j) {
      tensors[j].mul_(2);
      CHECK(ts::sum(tensors[j]).item<float>() == 256 * 1024 * 2 * (j + 1) * (i + 1));
    }
    CHECK(budget.report().peak_bytes <= 3_MiB);
  }
  CHECK_THROWS_AS([&] { for (const ts::Tensor& t : tensors) ts::sum(t).item<float>(); }(), ts::OutOfMemory);
  tensors.resize(2);
  for (int j = 0; j < 2; ++j) CHECK(ts::sum(tensors[j]).item<float>() == 256 * 1024 * 4 * (j + 1));
}

TEST_CASE("a departure that fails while the budget ends leaves the storage where it was") {
  FaultyCalls calls;
  Manager& manager = Manager::of(ts::Device::cpu());
  manager.start({.bytes = 64_MiB}, &calls);
  REQUIRE(manager.tiers().prepare(tasuki::memory::Tier::file, 4_MiB));
  calls.fail(FaultyCalls::writing, 0, EIO, 1000);
  const ts::Tensor x = ts::full({256, 1024}, 3) + 1;
  REQUIRE(manager.depart(*manager.residence_of(x.storage()), tasuki::memory::Tier::file));
  manager.stop();
  CHECK(calls.made(FaultyCalls::writing) > 0);
  CHECK(x.storage().residency() == ts::Residency::resident);
  CHECK(ts::sum(x).item<float>() == 256 * 1024 * 4);
}

TEST_CASE("a storage that could not leave may leave in the next step") {
  FaultyCalls calls;
  Manager& manager = Manager::of(ts::Device::cpu());
  manager.start({.bytes = 64_MiB, .policy = ts::memory::Policy::keep}, &calls);
  REQUIRE(manager.tiers().prepare(tasuki::memory::Tier::file, 4_MiB));
  {
    const ts::Tensor x = ts::full({256, 1024}, 3) + 1;
    auto& residence = *manager.residence_of(x.storage());
    const int before = calls.made(FaultyCalls::writing);
    calls.fail(FaultyCalls::writing, 0, ENOSPC, 1);
    REQUIRE(manager.depart(residence, tasuki::memory::Tier::file));
    CHECK_FALSE(manager.finish_departure(residence));
    CHECK_FALSE(manager.depart(residence, tasuki::memory::Tier::file));
    manager.end_step();
    REQUIRE(manager.depart(residence, tasuki::memory::Tier::file));
    CHECK(manager.finish_departure(residence));
    CHECK(x.storage().residency() == ts::Residency::away);
    CHECK(calls.made(FaultyCalls::writing) > before + 1);
    CHECK(ts::sum(x).item<float>() == 256 * 1024 * 4);
  }
  manager.stop();
}
