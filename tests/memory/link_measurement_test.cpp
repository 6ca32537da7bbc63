#include "src/memory/link_measurement.hpp"

#include <cerrno>
#include <chrono>
#include <thread>

#include "tasuki/runtime/sim.hpp"
#include "tests/catch.hpp"
#include "tests/memory/faulty_calls.hpp"

using namespace tasuki;
using namespace tasuki::literals;
using namespace tasuki::memory;

namespace {
bool plausible(const Link& link) { return link.latency_s >= 1e-6 && link.latency_s < 5 && link.bytes_per_s > 1e5 && link.bytes_per_s < 1e12; }
/// A disk that is busy whenever little is written.
struct BusyDisk final : FileCalls {
  ssize_t write(int file, const void* from, std::size_t bytes, off_t offset) override {
    if (bytes <= 64_KiB) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    return FileCalls::write(file, from, bytes, offset);
  }
};
}  // namespace

TEST_CASE("on the CPU, the links are those between memory and file, measured in a short time") {
  TransferEngine tiers(runtime_of(Device::cpu()), {.file_bytes = 1_GiB});
  const auto counted = memory::stats(Device::cpu()).current_bytes;
  const Machine machine = measure_machine(runtime_of(Device::cpu()), tiers);
  CHECK(plausible(machine.out));
  CHECK(plausible(machine.in));
  CHECK(machine.file_out.bytes_per_s == machine.out.bytes_per_s);
  CHECK(machine.duplex >= 0.1);
  CHECK(machine.duplex <= 1);
  CHECK(machine.delay_per_byte > 0);
  CHECK(machine.delay_per_byte < 1e-6);
  CHECK(machine.host_bytes == 0);
  CHECK(machine.file_bytes == 1_GiB);
  CHECK(tiers.stats().file_in_use == 0);
  CHECK(memory::stats(Device::cpu()).current_bytes == counted);
}

TEST_CASE("a simulated device has its profile's link, and the real disk behind it") {
  DeviceRuntime& sim = runtime_of(Device::sim(8, {.bytes = 16_MiB, .profile = "v100-nvlink"}));
  TransferEngine tiers(sim, {.host_bytes = 32_MiB, .file_bytes = 1_GiB});
  const Machine machine = measure_machine(sim, tiers);
  CHECK(machine.name == "v100-nvlink");
  CHECK(machine.out.bytes_per_s == 75e9);
  CHECK(machine.in.latency_s == device_profile("v100-nvlink").in.latency_s);
  CHECK(machine.duplex == 1);
  CHECK(machine.delay_per_byte == 0);
  CHECK(plausible(machine.file_out));
  CHECK(plausible(machine.file_in));
  CHECK(machine.host_bytes == 32_MiB);
  CHECK(machine.file_bytes == 1_GiB);
}

TEST_CASE("a disk that was busy with small transfers is not one without limits") {
  BusyDisk calls;
  TransferEngine tiers(runtime_of(Device::cpu()), {.file_bytes = 1_GiB, .calls = &calls});
  CHECK(plausible(measure_machine(runtime_of(Device::cpu()), tiers).out));
}

TEST_CASE("a disk that fails while it is measured is no tier") {
  FaultyCalls calls;
  TransferEngine tiers(runtime_of(Device::cpu()), {.calls = &calls});
  REQUIRE(tiers.prepare(Tier::file, 1_MiB));
  calls.fail(FaultyCalls::writing, 3, EIO);
  CHECK(measure_machine(runtime_of(Device::cpu()), tiers).file_bytes == 0);
  TransferEngine none(runtime_of(Device::cpu()), {.file_bytes = 0});
  CHECK(measure_machine(runtime_of(Device::cpu()), none).file_bytes == 0);
}
