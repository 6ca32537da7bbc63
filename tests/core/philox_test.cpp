#include "tasuki/core/philox.hpp"

#include <thread>
#include <vector>

#include "tasuki/tensor/random.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;

namespace {
std::vector<std::uint32_t> words_of(const ts::PhiloxWords& w) { return {w.word, w.word + 4}; }
}  // namespace

// The three "philox4x32 10" lines of tests/kat_vectors in the distribution of Random123.
TEST_CASE("Philox 4x32-10 gives the known answers of Random123") {
  using Words = std::vector<std::uint32_t>;
  CHECK(words_of(ts::philox4x32(0, 0, 0, 0, 0, 0)) == Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  const std::uint32_t ones = 0xffffffffu;
  CHECK(words_of(ts::philox4x32(ones, ones, ones, ones, ones, ones)) == Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(words_of(ts::philox4x32(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u)) ==
        Words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("a tile of blocks is the stream's words in order, across the carry of the counter") {
  for (const ts::PhiloxState state : {ts::PhiloxState{7, 0}, ts::PhiloxState{0x123456789abcdef0u, 0xfffffff0u}, ts::PhiloxState{~0ull, ~0ull - 5}}) {
    std::uint32_t tile[ts::philox_tile_words];
    ts::philox_tile(state, 3, tile);
    for (int i = 0; i < ts::philox_tile_words; ++i) REQUIRE(tile[i] == ts::philox_word(state, static_cast<std::uint64_t>(12 + i)));
  }
}

TEST_CASE("words become numbers in [0, 1) that reach neither 1 nor miss 0") {
  CHECK(ts::uniform_float(0) == 0.0f);
  CHECK(ts::uniform_float(0xffffffffu) == 1.0f - 0x1p-24f);
  CHECK(ts::uniform_float(0x80000000u) == 0.5f);
  CHECK(ts::uniform_double(0, 0) == 0.0);
  CHECK(ts::uniform_double(0xffffffffu, 0xffffffffu) == 1.0 - 0x1p-53);
  CHECK(ts::uniform_double(0x800u, 0) == 0x1p-53);
}

TEST_CASE("the Bernoulli threshold is exact at probabilities 0 and 1") {
  CHECK(ts::bernoulli_threshold(0) == 0);
  CHECK(ts::bernoulli_threshold(1) == 0x100000000u);
  CHECK(ts::bernoulli_threshold(0.5) == 0x80000000u);
  CHECK(ts::bernoulli_threshold(0.25) == 0x40000000u);
}

TEST_CASE("a generator advances by whole blocks and resumes from a saved state") {
  ts::Generator generator(42);
  CHECK(generator.reserve(0) == ts::PhiloxState{42, 0});
  CHECK(generator.reserve(1) == ts::PhiloxState{42, 0});
  CHECK(generator.reserve(4) == ts::PhiloxState{42, 1});
  CHECK(generator.reserve(5) == ts::PhiloxState{42, 2});
  const ts::PhiloxState saved = generator.state();
  CHECK(saved == ts::PhiloxState{42, 4});
  ts::Generator copy = generator;
  CHECK(copy.reserve(8) == saved);
  CHECK(generator.state() == saved);
  generator.seed(3);
  CHECK(generator.state() == ts::PhiloxState{3, 0});
  generator.set_state(saved);
  CHECK(generator.reserve(1) == saved);
}

TEST_CASE("threads that share a generator never get the same block") {
  ts::Generator generator(1);
  std::vector<std::vector<std::uint64_t>> drawn(4);
  std::vector<std::thread> threads;
  for (auto& mine : drawn)
    threads.emplace_back([&mine, &generator] {
      for (int i = 0; i < 1000; ++i) mine.push_back(generator.reserve(4).offset);
    });
  for (auto& thread : threads) thread.join();
  std::vector<bool> seen(4000);
  for (const auto& mine : drawn)
    for (std::uint64_t offset : mine) {
      REQUIRE(offset < 4000);
      REQUIRE_FALSE(seen[offset]);
      seen[offset] = true;
    }
}

TEST_CASE("manual_seed restarts the default stream") {
  ts::manual_seed(9);
  CHECK(ts::default_generator().reserve(400) == ts::PhiloxState{9, 0});
  CHECK(ts::default_generator().state() == ts::PhiloxState{9, 100});
  ts::manual_seed(9);
  CHECK(ts::default_generator().state() == ts::PhiloxState{9, 0});
}
