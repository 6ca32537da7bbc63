// Blocks under a limit that are made from the pages of others.
#include "src/runtime/pages.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

#include "src/core/sanitized.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
using ts::PageRange;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20, quarter = mib / 4;

/// A mapping each of whose pages says which one it is.
PageRange numbered(std::size_t bytes, std::uint32_t first) {
  char* const begin = ts::map_pages(bytes);
  REQUIRE(begin);
  for (std::size_t at = 0; at < bytes; at += 4096) {
    const std::uint32_t number = first + static_cast<std::uint32_t>(at / 4096);
    std::memcpy(begin + at, &number, sizeof number);
  }
  return {begin, bytes};
}

std::uint32_t number_at(const char* page) {
  std::uint32_t number;
  std::memcpy(&number, page, sizeof number);
  return number;
}

/// Pages of a block that held something before.
std::size_t used_pages(const char* block, std::size_t bytes) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < bytes; at += 4096) count += number_at(block + at) != 0;
  return count;
}

std::size_t bytes_of(const ts::PageRanges& ranges) {
  std::size_t bytes = 0;
  for (const PageRange& r : ranges) bytes += r.bytes;
  return bytes;
}

}  // namespace

TEST_CASE("pages: mappings are zero, whole and aligned") {
  for (const std::size_t bytes : {mib, 2 * mib, 3 * mib, 7 * mib}) {
    char* const pages = ts::map_pages(bytes);
    REQUIRE(pages);
    if (bytes >= ts::huge_page) CHECK(reinterpret_cast<std::uintptr_t>(pages) % ts::huge_page == 0);
    CHECK(used_pages(pages, bytes) == 0);
    std::memset(pages, 1, bytes);
    ts::unmap_pages({pages, bytes});
  }
}

TEST_CASE("pages: a block takes the pages of others, and leaves them the rest") {
  struct Case {
    std::size_t bytes;
    std::vector<std::size_t> donors;
    std::size_t moved, rest;
  };
  const std::vector<Case> cases = {
      {10 * mib, {10 * mib}, 10 * mib, 0},
      {10 * mib, {12 * mib}, 10 * mib, 2 * mib},
      {12 * mib, {10 * mib}, 10 * mib, 0},
      {12 * mib, {5 * mib, 7 * mib}, 12 * mib, 0},  // 2 + 3 huge pages, and two halves of one
      {3 * mib, {8 * mib}, 3 * mib, 5 * mib},
      {mib, {mib, mib}, mib, mib},
      {8 * mib, {mib, mib, mib}, 3 * mib, 0},
      {9 * mib, {5 * quarter, 4 * mib, 3 * mib}, 33 * quarter, 0},  // 2 + 1 huge pages, and parts of two
  };
  for (const Case& c : cases) {
    ts::PageRanges donors;
    for (const std::size_t d : c.donors) donors.push_back(numbered(d, 1000 * (1 + static_cast<std::uint32_t>(donors.size()))));
    char* const block = ts::remap_pages(c.bytes, donors);
    REQUIRE(block);
    CAPTURE(c.bytes, c.donors.size());
    CHECK(used_pages(block, c.bytes) * 4096 == c.moved);
    CHECK(bytes_of(donors) == c.rest);
    std::memset(block, 0x5a, c.bytes);
    for (const PageRange& rest : donors) {
      CHECK(used_pages(rest.begin, rest.bytes) * 4096 == rest.bytes);
      std::memset(rest.begin, 0x5b, rest.bytes);
      ts::unmap_pages(rest);
    }
    for (std::size_t at = 0; at < c.bytes; at += 512) REQUIRE(block[at] == 0x5a);
    ts::unmap_pages({block, c.bytes});
  }
}

TEST_CASE("pages: a block that was put together is taken apart again") {
  ts::PageRanges donors;
  for (std::uint32_t i = 0; i < 4; ++i) donors.push_back(numbered(3 * mib, 1000 * (i + 1)));
  char* block = ts::remap_pages(12 * mib, donors);
  REQUIRE(block);
  const std::size_t moved = used_pages(block, 12 * mib);
  for (const PageRange& rest : donors) ts::unmap_pages(rest);
  for (int i = 0; i < 5; ++i) {
    ts::PageRanges whole;
    whole.push_back({block, 12 * mib});
    block = ts::remap_pages(12 * mib, whole);
    REQUIRE(block);
    CHECK(bytes_of(whole) == 0);
    CHECK(used_pages(block, 12 * mib) == moved);
  }
  ts::unmap_pages({block, 12 * mib});
}

TEST_CASE("pages: under a limit blocks of one size become blocks of another") {
  ts::DeviceRuntime& cpu = ts::runtime_of(ts::Device::cpu());
  cpu.release_cached();
  const std::size_t before = cpu.memory_stats().reserved_bytes;
  cpu.set_byte_limit(before + 24 * mib);
  for (int round = 0; round < 3; ++round)
    for (const std::size_t size : {10 * mib, 12 * mib, 7 * mib, mib, 22 * mib, 3 * mib, 5 * mib}) {
      auto* first = static_cast<char*>(cpu.allocate(size, 0));
      auto* second = size <= 12 * mib ? static_cast<char*>(cpu.allocate(size, 0)) : nullptr;
      std::memset(first, 1, size);
      if (second) std::memset(second, 2, size);
      for (std::size_t at = 0; at < size; at += 4096) REQUIRE((first[at] == 1 && (!second || second[at] == 2)));
      CHECK(cpu.memory_stats().reserved_bytes <= before + 24 * mib);
      CHECK(cpu.memory_stats().current_bytes == before + (second ? 2 : 1) * size);
      cpu.deallocate(first, size, 0);
      if (second) cpu.deallocate(second, size, 0);
    }
  // 5 + 5 + 14 were in use last: the pages of these make the block that follows.
  if (!ts::address_sanitized) {
    auto* block = static_cast<char*>(cpu.allocate(24 * mib, 0));
    CHECK(used_pages(block, 24 * mib) > 0);
    cpu.deallocate(block, 24 * mib, 0);
  }
  cpu.set_byte_limit(0);
  cpu.release_cached();
  CHECK(cpu.memory_stats().reserved_bytes == before);
}

TEST_CASE("pages: blocks of many sizes and parts of an arena come and go under a limit, and none writes to another") {
  ts::DeviceRuntime& cpu = ts::runtime_of(ts::Device::cpu());
  cpu.release_cached();
  const std::size_t before = cpu.memory_stats().reserved_bytes, limit = before + 40 * mib;
  struct Held {
    char* data;
    std::size_t bytes;
    unsigned char value;
  };
  std::vector<Held> blocks;
  constexpr std::size_t parts = 6, part_bytes = mib + 12345;
  cpu.set_byte_limit(limit);
  auto* const arena = static_cast<char*>(cpu.allocate_decommitted(parts * part_bytes));
  bool there[parts] = {};
  const auto part_of = [&](std::size_t i) { return ts::BlockPart{arena, parts * part_bytes, i * part_bytes, part_bytes}; };
  const auto holds = [](const char* data, std::size_t bytes, unsigned char value) {
    for (std::size_t at = 0; at < bytes; at += 1021)
      if (static_cast<unsigned char>(data[at]) != value) return false;
    return static_cast<unsigned char>(data[bytes - 1]) == value;
  };
  std::uint64_t random = 88172645463325252u;
  const auto next = [&](std::uint64_t n) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    return static_cast<std::size_t>(random % n);
  };
  for (int round = 0; round < 6000; ++round) {
    const std::size_t i = next(parts);
    if (next(3) == 0) {
      if (there[i]) {
        REQUIRE(holds(arena + i * part_bytes, part_bytes, static_cast<unsigned char>(200 + i)));
        cpu.decommit(part_of(i));
        there[i] = false;
      } else if (cpu.memory_stats().current_bytes + 2 * mib < limit) {
        cpu.commit(part_of(i));
        std::memset(arena + i * part_bytes, static_cast<int>(200 + i), part_bytes);
        there[i] = true;
      }
    } else if (next(2) == 0 || blocks.empty()) {
      const std::size_t bytes = 1000 + next(std::uint64_t{1} << (10 + next(14)));
      if (cpu.memory_stats().current_bytes + cpu.block_bytes(bytes) > limit) continue;
      auto* const data = static_cast<char*>(cpu.allocate(bytes, 0));
      const auto value = static_cast<unsigned char>(1 + next(190));
      std::memset(data, value, bytes);
      blocks.push_back({data, bytes, value});
    } else {
      const std::size_t k = next(blocks.size());
      REQUIRE(holds(blocks[k].data, blocks[k].bytes, blocks[k].value));
      cpu.deallocate(blocks[k].data, blocks[k].bytes, 0);
      blocks[k] = blocks.back();
      blocks.pop_back();
    }
    REQUIRE(cpu.memory_stats().reserved_bytes <= limit);
  }
  for (const Held& b : blocks) {
    CHECK(holds(b.data, b.bytes, b.value));
    cpu.deallocate(b.data, b.bytes, 0);
  }
  for (std::size_t i = 0; i < parts; ++i)
    if (there[i]) CHECK(holds(arena + i * part_bytes, part_bytes, static_cast<unsigned char>(200 + i)));
  cpu.deallocate(arena, parts * part_bytes, 0);
  CHECK(cpu.memory_stats().current_bytes == before);
  cpu.set_byte_limit(0);
  cpu.release_cached();
  CHECK(cpu.memory_stats().reserved_bytes == before);
}
