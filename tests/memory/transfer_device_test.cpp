#include <cerrno>
#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "src/memory/transfer.hpp"
#include "tasuki/runtime/sim.hpp"
#include "tests/catch.hpp"
#include "tests/memory/bytes.hpp"
#include "tests/memory/faulty_calls.hpp"

using namespace tasuki;
using namespace tasuki::literals;
using namespace tasuki::memory;

namespace {

using CopyKind = DeviceRuntime::CopyKind;

DeviceRuntime& sim_of(SimSchedule schedule, std::uint64_t seed = 1) {
  return runtime_of(Device::sim(7, {.bytes = 256_MiB, .schedule = schedule, .seed = seed, .poison = true}));
}

/// A block of device memory that is written and read by queued copies only, as launches would.
class DeviceBlock {
 public:
  DeviceBlock(DeviceRuntime& runtime, std::size_t bytes) : runtime_(runtime), bytes_(bytes), data_(runtime.allocate(bytes)) {}
  ~DeviceBlock() { runtime_.deallocate(data_, bytes_); }
  DeviceBlock(const DeviceBlock&) = delete;
  DeviceBlock& operator=(const DeviceBlock&) = delete;
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  /// Work on the compute queue that writes all of it. The host buffer lives until the queue has run.
  void queue_fill(std::uint64_t seed) {
    auto host = std::make_unique<Bytes>(bytes_, 0, seed);
    runtime_.copy_async(data_, host->data(), bytes_, CopyKind::host_to_device);
    kept_.push_back(std::move(host));
  }
  /// Work on the compute queue that reads all of it; what it read is there after a synchronization.
  Bytes& queue_read() {
    kept_.push_back(std::make_unique<Bytes>(bytes_));
    runtime_.copy_async(kept_.back()->data(), data_, bytes_, CopyKind::device_to_host);
    return *kept_.back();
  }

 private:
  DeviceRuntime& runtime_;
  std::size_t bytes_;
  void* data_;
  std::vector<std::unique_ptr<Bytes>> kept_;
};

/// A disk that takes a while to write.
class SlowWrites final : public FileCalls {
 public:
  ssize_t write(int file, const void* from, std::size_t bytes, off_t offset) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return FileCalls::write(file, from, bytes, offset);
  }
};

void wait_until_settled(TransferEngine& tiers) {
  for (int i = 0; i < 20000 && tiers.stats().host_in_use != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

TEST_CASE("between a device and host memory, events alone keep the order: the host never waits") {
  const auto schedule = GENERATE(SimSchedule::concurrent, SimSchedule::delayed, SimSchedule::seeded);
  DeviceRuntime& sim = sim_of(schedule);
  TransferEngine tiers(sim, {.host_bytes = 8_MiB});
  for (const std::size_t bytes : {1ul, 4096ul, 100000ul, 3_MiB}) {
    CAPTURE(bytes);
    DeviceBlock source(sim, bytes), target(sim, bytes);
    Home* home = tiers.reserve(bytes, Tier::host);
    REQUIRE(home);
    CHECK(home->tier() == Tier::host);
    source.queue_fill(1);
    CHECK_FALSE(tiers.order(tiers.start_out(*home, source.data(), sim.record_event(0)), 0));
    source.queue_fill(2);  // reuses the source at once
    target.queue_fill(3);
    CHECK_FALSE(tiers.order(tiers.start_in(*home, target.data(), sim.record_event(0)), 0));
    Bytes& arrived = target.queue_read();
    tiers.free(home);
    sim.synchronize(0);
    CHECK(arrived.holds(1));
  }
  CHECK(tiers.stats().host_waits == 0);
  CHECK(tiers.stats().host_in_use == 0);
}

TEST_CASE("host memory is used again at once, in the order of the device's queues") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    DeviceRuntime& sim = sim_of(seed % 2 ? SimSchedule::delayed : SimSchedule::seeded, seed);
    TransferEngine tiers(sim, {.host_bytes = 256_KiB});
    std::mt19937 random(static_cast<unsigned>(seed));
    std::vector<std::unique_ptr<DeviceBlock>> blocks;
    for (std::size_t i = 0; i < 4; ++i) blocks.push_back(std::make_unique<DeviceBlock>(sim, 20000 + 30000 * i));
    std::vector<std::pair<Bytes*, std::uint64_t>> expected;
    std::uint64_t content = 0;
    for (int step = 0; step < 30; ++step) {
      DeviceBlock& block = *blocks[random() % blocks.size()];
      block.queue_fill(++content);
      Home* home = tiers.reserve(block.bytes(), Tier::host);
      REQUIRE(home->tier() == Tier::host);
      CHECK_FALSE(tiers.order(tiers.start_out(*home, block.data(), sim.record_event(0)), 0));
      block.queue_fill(0);
      for (unsigned visits = random() % 3; visits > 0; --visits) {
        CHECK_FALSE(tiers.order(tiers.start_in(*home, block.data(), sim.record_event(0)), 0));
        expected.emplace_back(&block.queue_read(), content);
      }
      tiers.free(home);
      if (random() % 8 == 0) tiers.release_unused();
    }
    sim.synchronize(0);
    for (const auto& [bytes, seed_of_it] : expected) CHECK(bytes->holds(seed_of_it));
    CHECK(tiers.stats().host_waits == 0);
  }
}

TEST_CASE("on the virtual clock, transfers cost what the profile says, whatever the real order") {
  std::vector<double> seconds;
  for (const auto schedule : {SimSchedule::concurrent, SimSchedule::delayed, SimSchedule::seeded}) {
    DeviceRuntime& sim = sim_of(schedule);
    TransferEngine tiers(sim, {.host_bytes = 64_MiB});
    DeviceBlock a(sim, 10_MiB), b(sim, 10_MiB);
    sim::reset_clock(sim.device());
    Home* home = tiers.reserve(10_MiB, Tier::host);
    const Transfer out = tiers.start_out(*home, a.data(), sim.record_event(0));
    const Transfer in = tiers.start_in(*home, b.data(), sim.record_event(0));
    CHECK_FALSE(tiers.order(out, 0));
    CHECK_FALSE(tiers.order(in, 0));
    seconds.push_back(sim::clock(sim.device()).seconds());
    const DeviceProfile& profile = sim::profile(sim.device());
    CHECK(seconds.back() == Approx(profile.out.seconds(10_MiB) + profile.in.seconds(10_MiB)));
    tiers.free(home);
    sim.synchronize(0);
  }
  CHECK(seconds[0] == seconds[1]);
  CHECK(seconds[0] == seconds[2]);
}

TEST_CASE("a departure to the file goes through host memory behind the device's back") {
  const auto schedule = GENERATE(SimSchedule::concurrent, SimSchedule::delayed);
  DeviceRuntime& sim = sim_of(schedule);
  TransferEngine tiers(sim, {.host_bytes = 8_MiB, .chunk_bytes = 64_KiB, .checksums = GENERATE(false, true)});
  DeviceBlock source(sim, 300000), target(sim, 300000);
  Home* home = tiers.reserve(300000, Tier::file);
  CHECK(home->tier() == Tier::file);
  source.queue_fill(1);
  CHECK_FALSE(tiers.order(tiers.start_out(*home, source.data(), sim.record_event(0)), 0));
  source.queue_fill(2);
  CHECK(tiers.stats().host_waits == 0);
  wait_until_settled(tiers);
  CHECK(tiers.stats().host_in_use == 0);
  CHECK(tiers.stats().file_out_bytes == 300000);
  CHECK_FALSE(tiers.order(tiers.start_in(*home, target.data(), sim.record_event(0)), 0));
  Bytes& arrived = target.queue_read();
  sim.synchronize(0);
  CHECK(arrived.holds(1));
  CHECK(tiers.stats().file_in_bytes == 300000);
  tiers.free(home);
}

TEST_CASE("bytes on their way to the file are read from where they still are, and may be overwritten") {
  SlowWrites slow;
  DeviceRuntime& sim = sim_of(SimSchedule::delayed);
  TransferEngine tiers(sim, {.host_bytes = 8_MiB, .chunk_bytes = 64_KiB, .calls = &slow});
  DeviceBlock source(sim, 1_MiB), target(sim, 1_MiB);
  Home* home = tiers.reserve(1_MiB, Tier::file);
  for (std::uint64_t content = 1; content <= 3; ++content) {
    source.queue_fill(content);
    CHECK_FALSE(tiers.order(tiers.start_out(*home, source.data(), sim.record_event(0)), 0));
    source.queue_fill(99);
    CHECK_FALSE(tiers.order(tiers.start_in(*home, target.data(), sim.record_event(0)), 0));
    Bytes& arrived = target.queue_read();
    sim.synchronize(0);
    CHECK(arrived.holds(content));
  }
  CHECK(tiers.stats().file_in_bytes == 0);
  wait_until_settled(tiers);
  CHECK_FALSE(tiers.wait(tiers.start_in(*home, target.data())));
  Bytes& arrived = target.queue_read();
  sim.synchronize(0);
  CHECK(arrived.holds(3));
  tiers.free(home);
}

TEST_CASE("without room in host memory, the file is reached through the threads' scratch") {
  const auto schedule = GENERATE(SimSchedule::concurrent, SimSchedule::delayed, SimSchedule::seeded);
  DeviceRuntime& sim = sim_of(schedule);
  TransferEngine tiers(sim, {.host_bytes = 0, .direct = GENERATE(true, false), .chunk_bytes = 128_KiB, .checksums = true});
  for (const std::size_t bytes : {1ul, 4096ul, 300001ul, 6_MiB}) {
    CAPTURE(bytes);
    DeviceBlock source(sim, bytes), target(sim, bytes);
    Home* home = tiers.reserve(bytes, Tier::host);
    REQUIRE(home);
    CHECK(home->tier() == Tier::file);
    CHECK_THAT(tiers.refusal(), Catch::Contains("host memory has no room for"));
    source.queue_fill(bytes);
    CHECK_FALSE(tiers.order(tiers.start_out(*home, source.data(), sim.record_event(0)), 0));
    source.queue_fill(2);
    CHECK_FALSE(tiers.order(tiers.start_in(*home, target.data(), sim.record_event(0)), 0));
    Bytes& arrived = target.queue_read();
    sim.synchronize(0);
    CHECK(arrived.holds(bytes));
    tiers.free(home);
  }
  CHECK(tiers.stats().host_reserved == 0);
}

TEST_CASE("when the disk fails behind the device's back, the bytes stay in host memory") {
  const int error = GENERATE(EIO, ENOSPC);
  FaultyCalls calls;
  DeviceRuntime& sim = sim_of(SimSchedule::concurrent);
  TransferEngine tiers(sim, {.host_bytes = 8_MiB, .chunk_bytes = 64_KiB, .calls = &calls});
  DeviceBlock source(sim, 300000), target(sim, 300000);
  REQUIRE(tiers.prepare(Tier::file, 1_MiB));
  calls.fail(FaultyCalls::writing, 2, error);
  Home* home = tiers.reserve(300000, Tier::file);
  source.queue_fill(1);
  CHECK_FALSE(tiers.order(tiers.start_out(*home, source.data(), sim.record_event(0)), 0));
  source.queue_fill(2);
  for (int i = 0; i < 20000 && home->tier() == Tier::file; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(home->tier() == Tier::host);
  CHECK(home->holds_copy());
  CHECK(tiers.stats().failures == 1);
  CHECK(tiers.stats().file_in_use == 0);
  CHECK_FALSE(tiers.order(tiers.start_in(*home, target.data(), sim.record_event(0)), 0));
  Bytes& arrived = target.queue_read();
  sim.synchronize(0);
  CHECK(arrived.holds(1));
  tiers.free(home);
}

TEST_CASE("random transfers of a device through a small host tier and the file agree with a model") {
  const auto schedule = GENERATE(SimSchedule::concurrent, SimSchedule::delayed, SimSchedule::seeded);
  const unsigned seed = GENERATE(1u, 2u, 3u);
  CAPTURE(schedule, seed);
  DeviceRuntime& sim = sim_of(schedule, seed);
  TransferEngine tiers(sim, {.host_bytes = 600_KiB, .chunk_bytes = 64_KiB});
  std::mt19937 random(seed);
  struct Resident {
    std::unique_ptr<DeviceBlock> block;
    Home* home = nullptr;
    std::uint64_t content = 0;
  };
  std::vector<Resident> all(12);
  std::vector<std::pair<Bytes*, std::uint64_t>> expected;
  for (Resident& r : all) r.block = std::make_unique<DeviceBlock>(sim, 1 + random() % 200000);
  std::uint64_t next_content = 0;
  for (int step = 0; step < 400; ++step) {
    Resident& r = all[random() % all.size()];
    if (!r.home) r.home = tiers.reserve(r.block->bytes(), random() % 3 ? Tier::host : Tier::file);
    REQUIRE(r.home);
    switch (random() % 6) {
      case 0:
      case 1:
        r.content = ++next_content;
        r.block->queue_fill(r.content);
        REQUIRE_FALSE(tiers.order(tiers.start_out(*r.home, r.block->data(), sim.record_event(0)), 0));
        r.block->queue_fill(0);
        break;
      case 2:
      case 3:
      case 4:
        if (r.content == 0) break;
        REQUIRE_FALSE(tiers.order(tiers.start_in(*r.home, r.block->data(), sim.record_event(0)), 0));
        expected.emplace_back(&r.block->queue_read(), r.content);
        break;
      default:
        tiers.free(r.home);
        r.home = nullptr;
        r.content = 0;
    }
  }
  for (Resident& r : all) tiers.free(r.home);
  sim.synchronize(0);
  std::size_t wrong = 0;
  for (const auto& [bytes, content] : expected) wrong += !bytes->holds(content);
  CHECK(wrong == 0);
  CHECK(tiers.stats().host_peak_in_use <= 600_KiB);
  wait_until_settled(tiers);
  CHECK(tiers.stats().file_in_use == 0);
}

TEST_CASE("prepared host memory serves every later step without the system") {
  DeviceRuntime& sim = sim_of(SimSchedule::concurrent);
  TransferEngine tiers(sim, {.host_bytes = 16_MiB});
  REQUIRE(tiers.prepare(Tier::host, 6_MiB));
  const auto allocations = tiers.stats().host_allocations;
  DeviceBlock block(sim, 2_MiB);
  block.queue_fill(1);
  for (int step = 0; step < 20; ++step) {
    Home* homes[3];
    for (Home*& home : homes) {
      home = tiers.reserve(2_MiB, Tier::host);
      CHECK_FALSE(tiers.order(tiers.start_out(*home, block.data(), sim.record_event(0)), 0));
    }
    for (Home* home : homes) {
      CHECK_FALSE(tiers.order(tiers.start_in(*home, block.data(), sim.record_event(0)), 0));
      tiers.free(home);
    }
  }
  CHECK(tiers.stats().host_allocations == allocations);
  CHECK(tiers.stats().host_reserved == 6_MiB);
  CHECK_FALSE(tiers.prepare(Tier::host, 17_MiB));
  CHECK(tiers.refusal() == "host memory has no 17.00 MiB in one piece: 0 B are in use of 16.00 MiB (as stated)");
  CHECK_THAT(tiers.report(), Catch::Contains("host: 0 B in use of ") && Catch::Contains("16.00 MiB allowed (as stated)"));
  sim.synchronize(0);
}
