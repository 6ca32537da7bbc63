#include "src/memory/transfer.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "src/memory/file_calls.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/memory/bytes.hpp"
#include "tests/memory/devices.hpp"

using namespace tasuki;
using namespace tasuki::literals;
using namespace tasuki::memory;
using testing_memory::cpu_runtime;

namespace {

/// A disk on which every read and write takes a while.
class SlowCalls final : public FileCalls {
 public:
  ssize_t read(int file, void* to, std::size_t bytes, off_t offset) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return FileCalls::read(file, to, bytes, offset);
  }
  ssize_t write(int file, const void* from, std::size_t bytes, off_t offset) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return FileCalls::write(file, from, bytes, offset);
  }
};

}  // namespace

TEST_CASE("what leaves for the file comes back, whatever its size and address") {
  const bool direct = GENERATE(true, false);
  const int threads = GENERATE(1, 2);
  TransferEngine tiers(cpu_runtime(), {.direct = direct, .threads = threads, .checksums = true});
  std::uint64_t seed = 0;
  for (const std::size_t bytes : {0ul, 1ul, 63ul, 4095ul, 4096ul, 4097ul, 65535ul, 65536ul, 1_MiB + 1, 16_MiB, 16_MiB + 4097, 64_MiB})
    for (const std::size_t shift : {0ul, 8ul, 64ul, 512ul}) {
      if (bytes > 1_MiB + 1 && shift != 0 && !(bytes < 20_MiB && shift == 8)) continue;
      CAPTURE(direct, threads, bytes, shift);
      Bytes source(bytes, shift, ++seed), target(bytes, 4096 - shift);
      Home* home = tiers.reserve(bytes, Tier::file);
      REQUIRE(home);
      CHECK(home->tier() == Tier::file);
      CHECK(home->bytes() == bytes);
      CHECK_FALSE(home->holds_copy());
      const Transfer out = tiers.start_out(*home, source.data());
      CHECK(home->holds_copy());
      CHECK_FALSE(tiers.wait(out));
      CHECK(tiers.finished(out));
      source.fill(0);
      CHECK_FALSE(tiers.wait(tiers.start_in(*home, target.data())));
      CHECK(target.holds(seed));
      tiers.free(home);
    }
  const TierStats stats = tiers.stats();
  CHECK(stats.file_in_use == 0);
  CHECK(stats.failures == 0);
  CHECK(stats.file_out_bytes == stats.file_in_bytes);
  CHECK(stats.file_out_seconds > 0);
  CHECK(stats.file_in_seconds > 0);
}

TEST_CASE("a home keeps its copy until it is written again") {
  TransferEngine tiers(cpu_runtime(), {.chunk_bytes = 64_KiB});
  Bytes source(300000, 0, 1), target(300000);
  Home* home = tiers.reserve(source.size(), Tier::file);
  CHECK_FALSE(tiers.wait(tiers.start_out(*home, source.data())));
  for (int visit = 0; visit < 3; ++visit) {
    target.fill(99);
    CHECK_FALSE(tiers.wait(tiers.start_in(*home, target.data())));
    CHECK(target.holds(1));
  }
  source.fill(2);
  const Transfer out = tiers.start_out(*home, source.data());
  CHECK_FALSE(tiers.wait(tiers.start_in(*home, target.data())));  // asked for before it was full
  CHECK(target.holds(2));
  CHECK(tiers.finished(out));
  tiers.free(home);
}

TEST_CASE("a home that is asked for before it ever got anything is a bug of the caller") {
  TransferEngine tiers(cpu_runtime());
  Home* home = tiers.reserve(100, Tier::file, "relu");
  char target[100];
  CHECK_THROWS_AS(tiers.start_in(*home, target), InternalError);
  CHECK_THROWS_AS(tiers.reserve(100, Tier::device), InternalError);
  tiers.free(home);
}

TEST_CASE("an arrival that somebody waits for overtakes the departures before it") {
  SlowCalls slow;
  const int threads = GENERATE(1, 2);
  TransferEngine tiers(cpu_runtime(), {.threads = threads, .chunk_bytes = 64_KiB, .calls = &slow});
  Bytes small(5000, 0, 7), target(5000), large(4_MiB, 0, 8);
  Home* home = tiers.reserve(small.size(), Tier::file);
  CHECK_FALSE(tiers.wait(tiers.start_out(*home, small.data())));
  std::vector<Home*> others;
  std::vector<Transfer> departures;
  for (int i = 0; i < 4; ++i) {
    others.push_back(tiers.reserve(large.size(), Tier::file));
    departures.push_back(tiers.start_out(*others.back(), large.data()));
  }
  CHECK_FALSE(tiers.wait(tiers.start_in(*home, target.data())));
  CHECK(target.holds(7));
  CHECK_FALSE(tiers.finished(departures.back()));  // 64 slow writes each; the arrival waited for one or two
  for (const Transfer& departure : departures) tiers.cancel(departure);
  const auto written = tiers.stats().file_out_bytes;
  CHECK(written < 4 * large.size());
  for (Home* other : others) {
    CHECK_FALSE(other->holds_copy());
    tiers.free(other);
  }
  tiers.free(home);
  CHECK(tiers.stats().file_in_use == 0);
}

TEST_CASE("a cancelled departure leaves nothing, and says so to an arrival behind it") {
  SlowCalls slow;
  TransferEngine tiers(cpu_runtime(), {.chunk_bytes = 64_KiB, .calls = &slow});
  Bytes source(2_MiB, 0, 1), target(2_MiB);
  Home* home = tiers.reserve(source.size(), Tier::file);
  const Transfer out = tiers.start_out(*home, source.data());
  const Transfer in = tiers.start_in(*home, target.data());
  tiers.cancel(out);
  CHECK(tiers.wait(in).text == "the departure was cancelled");
  CHECK(tiers.wait(tiers.start_in(*home, target.data())).text == "the departure was cancelled");
  CHECK_FALSE(tiers.wait(tiers.start_out(*home, source.data())));  // and the home can be used again
  CHECK_FALSE(tiers.wait(tiers.start_in(*home, target.data())));
  CHECK(target.holds(1));
  tiers.free(home);
}

TEST_CASE("a home that is freed early delivers what was asked of it, and drops what nobody can ask for any more") {
  SlowCalls slow;
  TransferEngine tiers(cpu_runtime(), {.chunk_bytes = 64_KiB, .calls = &slow});
  Bytes source(1_MiB, 0, 1), target(1_MiB);
  Home* wanted = tiers.reserve(source.size(), Tier::file);
  const Transfer out = tiers.start_out(*wanted, source.data());
  const Transfer in = tiers.start_in(*wanted, target.data());
  tiers.free(wanted);
  CHECK_FALSE(tiers.wait(in));
  CHECK(tiers.finished(out));
  CHECK(target.holds(1));

  Home* unwanted = tiers.reserve(source.size(), Tier::file);
  const Transfer dropped = tiers.start_out(*unwanted, source.data());
  tiers.free(unwanted);
  CHECK_FALSE(tiers.wait(dropped));
  CHECK(tiers.stats().file_out_bytes < 2 * source.size());
  CHECK(tiers.stats().file_in_use == 0);
}

TEST_CASE("an engine that goes with transfers under way delivers arrivals and leaves no thread behind") {
  SlowCalls slow;
  Bytes source(1_MiB, 0, 1), target(1_MiB);
  {
    TransferEngine tiers(cpu_runtime(), {.chunk_bytes = 64_KiB, .calls = &slow});
    Home* home = tiers.reserve(source.size(), Tier::file);
    CHECK_FALSE(tiers.wait(tiers.start_out(*home, source.data())));
    tiers.start_in(*home, target.data());
    for (int i = 0; i < 5; ++i) tiers.start_out(*tiers.reserve(source.size(), Tier::file), source.data());
  }
  CHECK(target.holds(1));
}

/// Homes in random states against what each must hold. Sizes around blocks and chunks, so that parts, tails and merging all occur.
TEST_CASE("thousands of random transfers agree with a model") {
  const bool direct = GENERATE(true, false);
  const unsigned seed = GENERATE(1u, 2u, 3u);
  CAPTURE(direct, seed);
  struct Resident {
    Home* home = nullptr;
    std::unique_ptr<Bytes> source, target;
    std::uint64_t content = 0, expected = 0;  // of the home; of what is arriving
    Transfer out, in;
    bool arriving = false;
  };
  TransferEngine tiers(cpu_runtime(), {.file_bytes = 64_MiB, .direct = direct, .chunk_bytes = 64_KiB, .checksums = true});
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  std::vector<Resident> all(24);
  std::uint64_t next_content = 0;
  const auto settle = [&](Resident& r) {
    REQUIRE_FALSE(tiers.wait(r.out));
    REQUIRE_FALSE(tiers.wait(r.in));
    if (r.arriving) REQUIRE(r.target->holds(r.expected));
    r.arriving = false;
  };
  for (int step = 0; step < 4000; ++step) {
    Resident& r = all[below(all.size())];
    if (!r.home) {
      const std::size_t bytes = below(4) == 0 ? below(400000) : below(3) * 65536 + below(8193);
      r.home = tiers.reserve(bytes, Tier::file);
      REQUIRE(r.home);
      const std::size_t shift = 64 * below(64);
      r.source = std::make_unique<Bytes>(bytes, shift);
      r.target = std::make_unique<Bytes>(bytes, 64 * below(64));
      r.content = 0;
    }
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
        settle(r);
        r.content = ++next_content;
        r.source->fill(r.content);
        r.out = tiers.start_out(*r.home, r.source->data());
        break;
      case 3:
      case 4:
      case 5:
        if (r.content == 0) break;
        if (r.arriving) settle(r);
        r.in = tiers.start_in(*r.home, r.target->data());
        r.expected = r.content;
        r.arriving = true;
        break;
      case 6:
        if (tiers.finished(r.in) && r.arriving) settle(r);
        break;
      default:
        tiers.free(r.home);  // with whatever is under way
        settle(r);
        r = {};
        break;
    }
  }
  for (Resident& r : all) {
    settle(r);
    tiers.free(r.home);
  }
  const TierStats stats = tiers.stats();
  CHECK(stats.failures == 0);
  CHECK(stats.file_in_use == 0);
  CHECK(stats.file_size <= 65_MiB);
}
