// Blocks of steps that repeat, each at a place of its own.
#include "src/runtime/step_places.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "src/core/sanitized.hpp"
#include "src/runtime/interval_places.hpp"
#include "src/runtime/placed_pages.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
using ts::Interval;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// In use at a time of the step, by what this step and the one before it asked for.
bool is_in_use(const Interval& i, int time, int length) { return (i.begin <= time && time < i.end) || time + length < i.end; }

std::size_t most_in_use(const std::vector<Interval>& intervals, int length) {
  std::size_t most = 0;
  for (int time = 0; time < length; ++time) {
    std::size_t sum = 0;
    for (const Interval& i : intervals)
      if (is_in_use(i, time, length)) sum += i.bytes;
    most = std::max(most, sum);
  }
  return most;
}

void check_apart(const std::vector<Interval>& intervals, int length, const ts::IntervalPlaces& places) {
  for (std::size_t a = 0; a < intervals.size(); ++a) {
    CHECK(places.offsets[a] + intervals[a].bytes <= places.bytes);
    for (std::size_t b = 0; b < a; ++b) {
      if (places.offsets[a] + intervals[a].bytes <= places.offsets[b] || places.offsets[b] + intervals[b].bytes <= places.offsets[a]) continue;
      for (int time = 0; time < length; ++time) REQUIRE_FALSE((is_in_use(intervals[a], time, length) && is_in_use(intervals[b], time, length)));
    }
  }
}

/// Like the activations of a chain: forward gets them, backward gives them back, the first last.
std::vector<Interval> nested(int count, std::size_t bytes) {
  std::vector<Interval> list;
  for (int i = 0; i < count; ++i) list.push_back({bytes * static_cast<std::size_t>(1 + i % 3), i, 2 * count - i});
  return list;
}

}  // namespace

TEST_CASE("places of intervals: what is in use at one time does not overlap, and the range is hardly longer than that") {
  std::mt19937 random(5);
  for (int round = 0; round < 20; ++round) {
    const int length = 60;
    std::vector<Interval> intervals;
    for (int i = 0; i < 40; ++i) {
      const int begin = static_cast<int>(random() % length), lasts = 1 + static_cast<int>(random() % (i % 4 == 0 ? length : 8));
      intervals.push_back({(1 + random() % 9) * 4096, begin, begin + lasts});
    }
    const ts::IntervalPlaces places = ts::place_intervals(intervals, length);
    check_apart(intervals, length, places);
    const std::size_t load = most_in_use(intervals, length);
    CAPTURE(round, load);
    CHECK(places.bytes >= load);
    CHECK(places.bytes <= load + load / 10);
  }
}

TEST_CASE("places of intervals: nested ones waste nothing, nor does one that is in use all the time") {
  auto intervals = nested(20, 4096);
  intervals.push_back({8192, 17, 17 + 41});  // given back where the next step asks for it
  const ts::IntervalPlaces places = ts::place_intervals(intervals, 41);
  check_apart(intervals, 41, places);
  CHECK(places.bytes == most_in_use(intervals, 41));
  CHECK(ts::place_intervals({}, 10).offsets.empty());
}

TEST_CASE("places of steps: two steps of a kind teach them, and another sequence gets none") {
  ts::StepPlaces places;
  char memory[8];
  const auto step = [&](const std::vector<std::size_t>& sizes) {
    std::vector<std::optional<std::size_t>> found;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      found.push_back(places.next(sizes[i]));
      places.allocated(memory + i, sizes[i], 10 * mebibyte);
    }
    for (std::size_t i = sizes.size(); i-- > 1;) places.freed(memory + i);  // the first one is kept for good
    places.next_step(7, 7);
    return found;
  };
  const std::vector<std::size_t> usual = {mebibyte, 2 * mebibyte, 3 * mebibyte}, other = {mebibyte, 3 * mebibyte, 2 * mebibyte};
  places.next_step(0, 7);
  CHECK_FALSE(step(usual)[1]);
  CHECK_FALSE(step(usual)[1]);
  const auto learnt = step(usual);
  CHECK_FALSE(learnt[0]);
  CHECK((learnt[1] && learnt[2] && learnt[1] != learnt[2]));
  CHECK(places.bytes() == 5 * mebibyte);
  for (const auto& place : step(other)) CHECK_FALSE(place);
  CHECK(step(usual) == learnt);
}

TEST_CASE("places of steps: blocks that are back before the step ends, or early in the next one, have places apart") {
  ts::StepPlaces places;
  char memory[16];
  places.next_step(0, 3);
  std::vector<std::optional<std::size_t>> found;
  const auto step = [&](std::uint64_t next) {
    found.clear();
    places.freed(memory + 2);  // of the step before
    for (int i = 0; i < 3; ++i) {
      const std::size_t bytes = static_cast<std::size_t>(i + 1) * mebibyte;
      found.push_back(places.next(bytes));
      places.allocated(memory + i, bytes, 10 * mebibyte);
    }
    places.freed(memory + 1);
    places.freed(memory);
    places.next_step(3, next);
  };
  for (int i = 0; i < 4; ++i) step(3);
  step(3);
  CHECK(places.bytes() == 6 * mebibyte);
  REQUIRE((found[0] && found[1] && found[2]));
  std::vector<bool> taken(6);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t at = *found[i] / mebibyte; at < *found[i] / mebibyte + i + 1; ++at) {
      CHECK_FALSE(taken[at]);
      taken[at] = true;
    }
  SECTION("a step of an unknown kind has none") {
    step(9);
    CHECK_FALSE(places.next(mebibyte));
  }
  SECTION("a block of another size ends it for the step") {
    CHECK_FALSE(places.next(5 * mebibyte));
    CHECK_FALSE(places.next(mebibyte));
  }
}

TEST_CASE("places of steps: what the device needs is what lies outside, at the worst time, and the range of places") {
  ts::StepPlaces places;
  char memory[8];
  std::size_t needs = 0;
  const auto step = [&] {
    places.allocated(memory, 2 * mebibyte, 7 * mebibyte);   // 5 are outside
    places.allocated(memory + 1, 3 * mebibyte, 10 * mebibyte);
    places.freed(memory);
    places.note_use(8 * mebibyte);                          // 5 of them outside: 3 at the places
    places.allocated(memory + 2, mebibyte, 11 * mebibyte);  // 7 are
    places.freed(memory + 2);
    places.freed(memory + 1);
    needs = places.next_step(5, 5);
  };
  places.next_step(0, 5);
  step();
  CHECK(needs == 0);
  step();
  CHECK(needs == (5 + 7) * mebibyte);
  step();
  CHECK(needs == 0);
  CHECK(places.bytes() == 5 * mebibyte);
}

TEST_CASE("places of steps: where blocks do not get theirs, they are learnt again, a few times") {
  ts::StepPlaces places;
  char memory[8];
  int lessons = 0;
  places.next_step(0, 5);
  for (int step = 0; step < 40; ++step) {
    if (places.next(mebibyte)) places.misplaced();
    places.allocated(memory, mebibyte, mebibyte);
    places.freed(memory);
    lessons += places.next_step(5, 5) > 0;
  }
  CHECK(lessons == 3);
}

TEST_CASE("places of pages: memory comes by huge pages, stays, and goes back in parts") {
  ts::PlacedPages pages;
  REQUIRE(pages.reserve(7 * mebibyte));
  CHECK(pages.bytes() == 8 * mebibyte);
  CHECK(pages.take_at(0, mebibyte) == nullptr);
  CHECK(pages.unfilled(3 * mebibyte, mebibyte, 7 * mebibyte, true) == 2 * mebibyte);
  CHECK(pages.unfilled(3 * mebibyte, mebibyte, 7 * mebibyte, false) == mebibyte);
  CHECK(pages.unfilled(6 * mebibyte, mebibyte / 2, 7 * mebibyte, true) == mebibyte);  // no more than is used
  pages.fill(3 * mebibyte, mebibyte, 7 * mebibyte, true);
  CHECK(pages.free_bytes() == 2 * mebibyte);
  auto* const block = static_cast<char*>(pages.take_at(3 * mebibyte, mebibyte));
  REQUIRE(block);
  CHECK(pages.contains(block));
  std::memset(block, 1, mebibyte);
  CHECK(pages.take_at(3 * mebibyte, mebibyte) == nullptr);
  CHECK(pages.release(mebibyte / 4) == mebibyte / 4);
  CHECK(pages.free_bytes() == 3 * mebibyte / 4);
  CHECK(pages.unfilled(2 * mebibyte, mebibyte, 7 * mebibyte, false) == mebibyte / 4);
  pages.fill(2 * mebibyte, mebibyte, 7 * mebibyte, false);
  auto* const before = static_cast<char*>(pages.take_at(2 * mebibyte, mebibyte));
  REQUIRE(before);
  std::memset(before, 2, mebibyte);
  CHECK(block[0] == 1);
  pages.unmap_if_unused();
  CHECK(pages.bytes() == 8 * mebibyte);
  pages.give(block, mebibyte);
  pages.give(before, mebibyte);
  CHECK(pages.release(SIZE_MAX) == 2 * mebibyte);
  pages.unmap_if_unused();
  CHECK(pages.bytes() == 0);
}

TEST_CASE("places of steps: under a limit planned steps settle, stay within it, and no block writes to another") {
  ts::DeviceRuntime& cpu = ts::runtime_of(ts::Device::cpu());
  cpu.release_cached();
  const std::size_t before = cpu.memory_stats().reserved_bytes, limit = before + 24 * mebibyte;
  cpu.set_byte_limit(limit);
  struct Held {
    char* data;
    std::size_t bytes;
  };
  std::vector<Held> kept;
  const auto hold = [&](std::vector<Held>& list, std::size_t bytes, int mark) {
    auto* const data = static_cast<char*>(cpu.allocate(bytes, 0));
    std::memset(data, mark, bytes);
    list.push_back({data, bytes});
    CHECK(cpu.memory_stats().reserved_bytes <= limit);
  };
  const auto drop = [&](std::vector<Held>& list, int mark) {
    const Held h = list.back();
    list.pop_back();
    for (std::size_t at = 0; at < h.bytes; at += 512) REQUIRE(h.data[at] == mark);
    cpu.deallocate(h.data, h.bytes, 0);
  };
  std::uint64_t fresh = 0;
  std::vector<char*> addresses, earlier;
  cpu.next_step(0, 11);
  for (int step = 0; step < 12; ++step) {
    const std::uint64_t asked = cpu.memory_stats().system_allocations;
    std::vector<Held> held;
    if (!kept.empty()) drop(kept, 99);
    earlier = std::exchange(addresses, {});
    for (int i = 0; i < 6; ++i) {
      hold(held, (1 + static_cast<std::size_t>(i) % 3) * mebibyte, i);
      addresses.push_back(held.back().data);
    }
    for (int i = 6; i-- > 0;) {
      drop(held, i);
      std::vector<Held> workspace;
      hold(workspace, (static_cast<std::size_t>(i) + 2) * mebibyte, 50);
      addresses.push_back(workspace.back().data);
      drop(workspace, 50);
    }
    hold(kept, 5 * mebibyte, 99);
    fresh = cpu.memory_stats().system_allocations - asked;
    cpu.next_step(11, 11);
  }
  if (!ts::address_sanitized) {
    CHECK(fresh == 0);
    CHECK(addresses == earlier);
  }
  // What another kind of step leaves in the range stays where it is, and is in nobody's way.
  const auto other_step = [&](std::uint64_t kind, bool first) {
    const std::uint64_t asked = cpu.memory_stats().system_allocations;
    std::vector<Held> held;
    if (first) drop(kept, 99);
    for (int i = 0; i < 5; ++i) hold(held, 3 * mebibyte, i);
    for (int i = 5; i-- > 0;) drop(held, i);
    if (first) hold(kept, 5 * mebibyte, 99);
    fresh = cpu.memory_stats().system_allocations - asked;
    cpu.next_step(kind, kind);
  };
  for (int step = 0; step < 4; ++step) other_step(12, true);
  for (int step = 0; step < 6; ++step) other_step(13, false);
  if (!ts::address_sanitized) CHECK(fresh == 0);
  drop(kept, 99);
  cpu.set_byte_limit(0);
  cpu.release_cached();
  CHECK(cpu.memory_stats().reserved_bytes == before);
}
