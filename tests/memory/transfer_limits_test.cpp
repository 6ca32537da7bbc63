#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "src/memory/byte_text.hpp"
#include "src/memory/checksum.hpp"
#include "src/runtime/extents.hpp"
#include "src/memory/host_limit.hpp"
#include "src/memory/host_slabs.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/memory/bytes.hpp"

using namespace tasuki;
using namespace tasuki::literals;
using namespace tasuki::memory;

TEST_CASE("extents never overlap, join when they are given back, and remember their last use") {
  std::mt19937 random(5);
  Extents extents;
  std::map<std::size_t, std::size_t> taken;
  std::size_t in_use = 0;
  std::uint64_t ticket = 0;
  for (int step = 0; step < 20000; ++step) {
    const std::size_t bytes = 1 + random() % 40;
    if (taken.empty() || random() % 2) {
      if (bytes > extents.largest_free()) {
        CHECK_FALSE(extents.take(bytes));
        extents.grow(bytes - extents.free_at_end());
      }
      const auto part = extents.take(bytes);
      REQUIRE(part);
      REQUIRE(part->offset + bytes <= extents.size());
      const auto after = taken.lower_bound(part->offset);
      REQUIRE((after == taken.end() || part->offset + bytes <= after->first));
      REQUIRE((after == taken.begin() || std::prev(after)->first + std::prev(after)->second <= part->offset));
      REQUIRE(part->last_use.ticket <= ticket);
      taken.emplace(part->offset, bytes);
      in_use += bytes;
    } else {
      const auto victim = std::next(taken.begin(), static_cast<std::ptrdiff_t>(random() % taken.size()));
      extents.give(victim->first, victim->second, {2, ++ticket});
      in_use -= victim->second;
      taken.erase(victim);
    }
    REQUIRE(extents.in_use() == in_use);
  }
  for (const auto& [offset, bytes] : taken) extents.give(offset, bytes, {2, ++ticket});
  CHECK(extents.fragments() == 1);
  CHECK(extents.largest_free() == extents.size());
  CHECK(extents.take(extents.size())->last_use.ticket == ticket);
}

TEST_CASE("an extent that is given back twice is noticed") {
  Extents extents;
  extents.grow(100);
  const auto part = extents.take(40);
  extents.give(part->offset, 40);
  CHECK_THROWS_AS(extents.give(part->offset, 40), InternalError);
  CHECK_THROWS_AS(extents.give(90, 20), InternalError);
}

TEST_CASE("host slabs never pass their limit, and any mix of sizes up to it fits when nothing else is held") {
  HostSlabs slabs(8_MiB, [] {});
  const HostSlabs::Place whole = slabs.take(8_MiB);
  REQUIRE(whole);
  CHECK_FALSE(slabs.take(1));
  slabs.give(whole, 8_MiB, {});
  std::vector<HostSlabs::Place> places;
  for (int i = 0; i < 8; ++i) places.push_back(slabs.take(1_MiB));
  CHECK(std::all_of(places.begin(), places.end(), [](const auto& place) { return static_cast<bool>(place); }));
  CHECK_FALSE(slabs.take(1));
  CHECK(slabs.in_use() == 8_MiB);
  CHECK(slabs.reserved() == 8_MiB);
  for (const auto& place : places) slabs.give(place, 1_MiB, {});
  CHECK(slabs.release_unused() == 8_MiB);
  CHECK(slabs.reserved() == 0);
  CHECK(slabs.peak_in_use() == 8_MiB);
}

TEST_CASE("a place in a slab is rounded up to a page and no further") {
  HostSlabs slabs(64_MiB, [] {});
  const auto odd = slabs.take(3_MiB + 1);
  CHECK(slabs.in_use() == 3_MiB + 4096);
  CHECK(slabs.reserved() == 3_MiB + 4096);
  slabs.give(odd, 3_MiB + 1, {});
  CHECK(slabs.in_use() == 0);
}

TEST_CASE("prepared slabs need nothing from the system afterwards") {
  int released = 0;
  HostSlabs slabs(64_MiB, [&] { ++released; });
  const auto early = slabs.take(5_MiB);
  slabs.give(early, 5_MiB, {});
  REQUIRE(slabs.prepare(20_MiB));
  CHECK(released == 1);  // the slab of the first step went, since it is no part of the 20 MiB
  CHECK(slabs.reserved() == 20_MiB);
  const auto allocations = slabs.allocations();
  for (int step = 0; step < 10; ++step) {
    const auto a = slabs.take(7_MiB), b = slabs.take(13_MiB);
    REQUIRE((a && b));
    slabs.give(a, 7_MiB, {});
    slabs.give(b, 13_MiB, {});
  }
  CHECK(slabs.allocations() == allocations);
  CHECK(slabs.prepare(20_MiB));
  CHECK(slabs.allocations() == allocations);
  CHECK_FALSE(slabs.prepare(65_MiB));
}

TEST_CASE("checksums notice every changed byte and exchanged blocks, and do not depend on how a storage is cut") {
  Bytes bytes(3 * checksum_block + 1000, 0, 3);
  const std::uint64_t whole = checksum_part(bytes.data(), 0, bytes.size());
  std::uint64_t parts = checksum_part(bytes.data() + 2 * checksum_block, 2 * checksum_block, bytes.size() - 2 * checksum_block);
  parts += checksum_part(bytes.data(), 0, 2 * checksum_block);
  CHECK(parts == whole);
  for (const std::size_t at : {std::size_t{0}, checksum_block - 1, checksum_block, bytes.size() - 1}) {
    bytes.data()[at] = static_cast<char>(bytes.data()[at] ^ 1);
    CHECK(checksum_part(bytes.data(), 0, bytes.size()) != whole);
    bytes.data()[at] = static_cast<char>(bytes.data()[at] ^ 1);
  }
  std::swap_ranges(bytes.data(), bytes.data() + checksum_block, bytes.data() + checksum_block);
  CHECK(checksum_part(bytes.data(), 0, bytes.size()) != whole);
  const char zeros[64] = {};
  CHECK(checksum_part(zeros, 0, 32) != checksum_part(zeros, 0, 33));
}

TEST_CASE("byte counts read well") {
  CHECK(byte_text(0) == "0 B");
  CHECK(byte_text(1023) == "1023 B");
  CHECK(byte_text(1536) == "1.50 KiB");
  CHECK(byte_text(3_GiB) == "3.00 GiB");
}

namespace {

/// A system as /proc and /sys tell of it.
class FakeSystem {
 public:
  FakeSystem() { write("proc/meminfo", "MemTotal: 33554432 kB\nMemFree: 1024 kB\nMemAvailable: 16777216 kB\n"); }
  void write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(folder_ / name).parent_path());
    folder_.write(name, content);
  }
  std::size_t bytes() const { return default_host_limit(folder_.path()).bytes; }
  std::string source() const { return default_host_limit(folder_.path()).source; }

 private:
  TemporaryFolder folder_;
};

constexpr std::size_t seven_eighths(std::size_t bytes) { return bytes - bytes / 8; }

}  // namespace

TEST_CASE("without control groups, what is available is the limit, less a share for others") {
  const FakeSystem system;
  CHECK(system.bytes() == seven_eighths(16_GiB));
  CHECK(system.source() == "MemAvailable 16.00 GiB, no control group limit; one eighth is left for others");
}

TEST_CASE("a limit on any level of control groups of version 2 counts, less what is used and cannot be dropped") {
  const FakeSystem system;
  system.write("proc/self/cgroup", "0::/user/job\n");
  system.write("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
  system.write("sys/fs/cgroup/user/job/memory.max", "max\n");
  system.write("sys/fs/cgroup/user/job/memory.current", "1000\n");
  CHECK(system.bytes() == seven_eighths(16_GiB));
  system.write("sys/fs/cgroup/user/memory.max", std::to_string(8_GiB) + "\n");
  system.write("sys/fs/cgroup/user/memory.current", std::to_string(3_GiB) + "\n");
  system.write("sys/fs/cgroup/user/memory.stat", "anon 5\ninactive_file " + std::to_string(1_GiB) + "\nactive_file 7\n");
  CHECK(system.bytes() == seven_eighths(6_GiB));
  CHECK(system.source() == "MemAvailable 16.00 GiB, control group limit 8.00 GiB with 6.00 GiB left; one eighth is left for others");
  system.write("sys/fs/cgroup/user/job/memory.high", std::to_string(2_GiB) + "\n");
  CHECK(system.bytes() == seven_eighths(2_GiB - 1000));
}

TEST_CASE("control groups of version 1 count, too, and a container sees its own as the root") {
  const FakeSystem system;
  system.write("proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n");
  system.write("proc/self/mountinfo",
               "31 20 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
               "32 20 0:28 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  system.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(system.bytes() == seven_eighths(16_GiB));
  system.write("sys/fs/cgroup/memory/memory.limit_in_bytes", std::to_string(4_GiB) + "\n");
  system.write("sys/fs/cgroup/memory/memory.usage_in_bytes", std::to_string(4_GiB) + "\n");
  system.write("sys/fs/cgroup/memory/memory.stat", "total_inactive_file " + std::to_string(1_GiB) + "\n");
  CHECK(system.bytes() == seven_eighths(1_GiB));
}

TEST_CASE("this machine's own limit is positive and below what it has") {
  const HostLimit limit = default_host_limit();
  CHECK(limit.bytes > 0);
  CHECK(limit.bytes < std::size_t{1} << 50);
}
