#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/sim/fresh_device.hpp"
#include "tests/support/expect_error.hpp"
#include "tasuki/tensor/creation.hpp"

namespace ts = tasuki;
using namespace ts::testing;
using namespace ts::literals;
using Kind = ts::DeviceRuntime::CopyKind;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes read(ts::DeviceRuntime& device, const void* from, std::size_t bytes, ts::StreamId stream = 0) {
  Bytes host(bytes);
  device.copy_async(host.data(), from, bytes, Kind::device_to_host, stream);
  device.synchronize(stream);
  return host;
}

}  // namespace

TEST_CASE("the bytes in use are counted exactly, in steps of 256, and never pass the device's memory") {
  ts::SimRuntime& device = fresh_device({.bytes = 1_MiB});
  CHECK(device.capacity() == 1_MiB);
  CHECK(device.block_bytes(1) == 256);
  CHECK(device.block_bytes(256) == 256);
  CHECK(device.allocate(0) == nullptr);
  void* const a = device.allocate(1);
  void* const b = device.allocate(1_MiB - 256);
  CHECK(device.memory_stats().current_bytes == 1_MiB);
  CHECK(device.memory_stats().reserved_bytes == 1_MiB);
  CHECK_THROWS_AS(device.allocate(1), ts::OutOfMemory);
  device.deallocate(b, 1_MiB - 256);
  CHECK(device.memory_stats().current_bytes == 256);
  CHECK(device.memory_stats().peak_bytes == 1_MiB);
  device.reset_peak();
  CHECK(device.memory_stats().peak_bytes == 256);
  device.deallocate(a, 1);
  CHECK(device.memory_stats().current_bytes == 0);
}

TEST_CASE("OutOfMemory says what was asked for, what there is, and what would have worked") {
  fresh_device({.bytes = 1_MiB});
  const ts::Device device = ts::Device::sim(1);
  const ts::Tensor x = ts::empty({1000}, {.device = device});
  expect_error([&] { ts::zeros({1024, 1024}, {.device = device}); },
               "OutOfMemory: zeros\n"
               "  expected  room for 4194304 bytes on sim:1\n"
               "  actual    4096 bytes in use of the device's 1048576; this launch needs at least 4198400\n"
               "  use a smaller batch, or a larger device: ts::Device::sim(1, {.bytes = ...})\n"
               "  called at <here>");
  ts::memory::set_byte_limit(device, 8192);
  expect_error([&] { ts::zeros({2000}, {.device = device}); },
               "OutOfMemory: zeros\n"
               "  expected  room for 8000 bytes on sim:1\n"
               "  actual    4096 bytes in use of a limit of 8192; this launch needs a limit of at least 12288\n"
               "  raise it with ts::memory::set_byte_limit, or use a smaller batch\n"
               "  called at <here>");
  CHECK(ts::memory::stats(device).limit_bytes == 8192);
  ts::memory::set_byte_limit(device, 0);
  CHECK(ts::memory::stats(device).limit_bytes == 1_MiB);
}

TEST_CASE("fragments cost nothing that counts") {
  ts::SimRuntime& device = fresh_device({.bytes = 1_MiB});
  std::vector<void*> blocks;
  for (int i = 0; i < 4096; ++i) blocks.push_back(device.allocate(256));
  for (std::size_t i = 0; i < blocks.size(); i += 2) device.deallocate(blocks[i], 256);
  void* const half = device.allocate(512_KiB);  // between the small blocks there is no such range
  CHECK(device.memory_stats().current_bytes == 1_MiB);
  device.deallocate(half, 512_KiB);
  for (std::size_t i = 1; i < blocks.size(); i += 2) device.deallocate(blocks[i], 256);
  CHECK(device.memory_stats().current_bytes == 0);
  void* const all = device.allocate(1_MiB);  // neighbours have been merged
  CHECK(device.memory_stats().system_allocations <= 2);
  device.deallocate(all, 1_MiB);
}

TEST_CASE("a block freed with work still queued is handed out again, and its next user waits for that work") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    ts::SimRuntime& device = fresh_device({.bytes = 64_KiB, .schedule = ts::SimSchedule::seeded, .seed = seed});
    const Bytes ones(4096, 1), twos(4096, 2);
    void* const kept = device.allocate(4096);
    void* const first = device.allocate(4096);
    device.copy_async(first, ones.data(), 4096, Kind::host_to_device, 0);
    device.copy_async(kept, first, 4096, Kind::device_to_device, 0);
    device.deallocate(first, 4096, 0);
    void* const second = device.allocate(4096, 2);
    CHECK(second == first);
    device.copy_async(second, twos.data(), 4096, Kind::host_to_device, 2);
    device.wait_event(0, device.record_event(2));
    CHECK(read(device, kept, 4096) == ones);
    CHECK(read(device, second, 4096) == twos);
    device.deallocate(second, 4096, 0);
    device.deallocate(kept, 4096, 0);
  }
}

TEST_CASE("freed bytes are poisoned, behind the work that was queued before") {
  ts::SimRuntime& device = fresh_device({.bytes = 64_KiB, .schedule = ts::SimSchedule::seeded, .poison = true});
  const Bytes ones(1024, 1);
  void* const kept = device.allocate(1024);
  void* const block = device.allocate(1024);
  device.copy_async(block, ones.data(), 1024, Kind::host_to_device);
  device.copy_async(kept, block, 1024, Kind::device_to_device);
  device.deallocate(block, 1024);
  CHECK(read(device, block, 1024) == Bytes(1024, 0xff));  // a use after free
  CHECK(read(device, kept, 1024) == ones);
  device.deallocate(kept, 1024);
}

TEST_CASE("parts of a block can be given back and taken again in place") {
  ts::SimRuntime& device = fresh_device({.bytes = 8192});
  void* const block = device.allocate(4096);
  const ts::BlockPart part{block, 4096, 1024, 1000};
  CHECK(device.decommittable(part) == 1000);
  CHECK(device.decommit(part) == 1000);
  CHECK(device.decommit(part) == 0);
  CHECK(device.memory_stats().current_bytes == 3096);
  void* const other = device.allocate(4864);
  CHECK(device.memory_stats().current_bytes == 7960);
  CHECK_THROWS_AS(device.commit(part), ts::OutOfMemory);
  device.deallocate(other, 4864);
  device.commit(part);
  device.commit(part);
  CHECK(device.memory_stats().current_bytes == 4096);
  device.decommit(part);
  device.deallocate(block, 4096);  // as it is, with a gap
  CHECK(device.memory_stats().current_bytes == 0);
}

TEST_CASE("a range that begins without bytes takes them part by part") {
  ts::SimRuntime& device = fresh_device({.bytes = 8192});
  void* const block = device.allocate_decommitted(1_MiB);  // more than the device has
  CHECK(device.memory_stats().current_bytes == 0);
  const ts::BlockPart middle{block, 1_MiB, 64_KiB, 4000}, behind{block, 1_MiB, 64_KiB + 4000, 96}, first{block, 1_MiB, 0, 4096};
  device.commit(middle);
  CHECK(device.memory_stats().current_bytes == 4000);
  device.commit(behind);
  device.commit(behind);
  device.commit(first);
  CHECK(device.memory_stats().current_bytes == 8192);
  CHECK_THROWS_AS(device.commit({block, 1_MiB, 128_KiB, 1}), ts::OutOfMemory);
  CHECK(device.decommit(middle) == 4000);
  CHECK(device.memory_stats().current_bytes == 4192);
  device.commit(middle);
  CHECK(device.memory_stats().current_bytes == 8192);
  device.deallocate(block, 1_MiB);
  CHECK(device.memory_stats().current_bytes == 0);
}

TEST_CASE("the emulation does not hold much more memory than the device has") {
  ts::SimRuntime& device = fresh_device({.bytes = 8_MiB});
  // Ever different sizes never fit the holes that earlier ones left.
  for (std::size_t round = 0; round < 200; ++round) {
    void* const block = device.allocate(2_MiB + round * 4096);
    void* const barrier = device.allocate(256);
    device.copy_async(block, block, 2_MiB, Kind::device_to_device);
    device.deallocate(block, 2_MiB + round * 4096);
    device.synchronize();
    device.deallocate(barrier, 256);
  }
  CHECK(device.memory_stats().current_bytes == 0);
  CHECK(device.memory_stats().system_allocations <= 3);
}

TEST_CASE("random programs on three queues compute what they compute one after the other") {
  // Blocks are allocated, written, copied into each other and freed; every hand-over between queues is ordered by an event.
  constexpr std::size_t size = 512, most = 8;
  struct Block {
    unsigned char* data;
    ts::StreamId queue;
    unsigned char value;  // what the program says it holds
  };
  for (std::uint64_t program = 0; program < 10000; ++program) {
    ts::SimRuntime& device = fresh_device({.bytes = 8_KiB, .schedule = ts::SimSchedule::seeded, .seed = program, .poison = true});
    std::uint64_t state = program * 2654435761u + 1;
    const auto random = [&](std::size_t below) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return static_cast<std::size_t>(state >> 33) % below;
    };
    std::vector<Block> blocks;
    const auto hand_over = [&](Block& block, ts::StreamId to) {
      if (block.queue != to) device.wait_event(to, device.record_event(block.queue));
      block.queue = to;
    };
    for (int step = 0; step < 40; ++step) {
      const auto queue = static_cast<ts::StreamId>(random(3));
      const std::size_t what = random(4);
      if (blocks.empty() || (what == 0 && blocks.size() < most)) {
        const auto value = static_cast<unsigned char>(random(200));
        auto* const data = static_cast<unsigned char*>(device.allocate(size, queue));
        submit(device, queue, [data, value] { std::memset(data, value, size); });
        blocks.push_back({data, queue, value});
        continue;
      }
      Block& one = blocks[random(blocks.size())];
      if (what == 1) {
        device.deallocate(one.data, size, one.queue);
        std::swap(one, blocks.back());
        blocks.pop_back();
      } else {
        Block& other = blocks[random(blocks.size())];
        hand_over(one, queue);
        hand_over(other, queue);
        if (&one != &other) device.copy_async(one.data, other.data, size, Kind::device_to_device, queue);
        one.value = other.value;
      }
    }
    bool right = true;
    for (Block& block : blocks) {
      right &= read(device, block.data, size, block.queue) == Bytes(size, block.value);
      device.deallocate(block.data, size, block.queue);
    }
    if (!right) FAIL_CHECK("program " << program << " computed something else");
  }
  SUCCEED();
}
