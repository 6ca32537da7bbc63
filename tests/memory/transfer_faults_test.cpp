#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "src/memory/transfer.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/memory/bytes.hpp"
#include "tests/memory/devices.hpp"
#include "tests/memory/faulty_calls.hpp"

using namespace tasuki;
using namespace tasuki::literals;
using namespace tasuki::memory;
using testing_memory::cpu_runtime;

namespace {

using Kind = TransferError::Kind;

constexpr std::size_t storage_bytes = 3 * 64_KiB + 100, storages = 4;

/// Four storages of four chunks each, the last with a part of a block, on one thread so that calls are in order.
struct Round {
  explicit Round(bool direct, FaultyCalls& calls, std::string file = {})
      : tiers(cpu_runtime(), {.file = std::move(file), .direct = direct, .threads = 1, .chunk_bytes = 64_KiB, .checksums = true, .calls = &calls}) {
    REQUIRE(tiers.prepare(Tier::file, 1_MiB));  // opens the file, so that faults count from the first transfer
    for (std::size_t i = 0; i < storages; ++i) {
      sources.push_back(std::make_unique<Bytes>(storage_bytes, i % 2 ? 8 : 0, i + 1));
      targets.push_back(std::make_unique<Bytes>(storage_bytes));
    }
  }

  /// Sends each out and, if that went well, back. Returns the errors of both; a transfer without error must have the right bytes.
  std::vector<TransferError> run() {
    std::vector<TransferError> errors;
    for (std::size_t i = 0; i < storages; ++i) {
      homes[i] = tiers.reserve(storage_bytes, Tier::file);
      if (!homes[i]) continue;
      if (TransferError error = tiers.wait(tiers.start_out(*homes[i], sources[i]->data()))) errors.push_back(std::move(error));
      CHECK(sources[i]->holds(i + 1));
    }
    for (std::size_t i = 0; i < storages; ++i) {
      if (!homes[i] || !homes[i]->holds_copy()) continue;
      TransferError error = tiers.wait(tiers.start_in(*homes[i], targets[i]->data()));
      if (error) errors.push_back(std::move(error));
      else CHECK(targets[i]->holds(i + 1));
    }
    for (Home* home : homes) tiers.free(home);
    CHECK(tiers.stats().file_in_use == 0);
    return errors;
  }

  TransferEngine tiers;
  std::vector<std::unique_ptr<Bytes>> sources, targets;
  Home* homes[storages] = {};
};

/// How many calls of a kind a round without faults makes.
int calls_of_a_round(FaultyCalls::Call call, bool direct) {
  FaultyCalls calls;
  Round round(direct, calls);
  const int before = calls.made(call);
  REQUIRE(round.run().empty());
  return calls.made(call) - before;
}

}  // namespace

TEST_CASE("an error of the disk at any position is reported, and nothing else is harmed") {
  const bool direct = GENERATE(true, false);
  const auto call = GENERATE(FaultyCalls::reading, FaultyCalls::writing);
  const int calls_made = calls_of_a_round(call, direct);
  CHECK(calls_made >= 16);
  for (int at = 0; at < calls_made; ++at) {
    CAPTURE(direct, call, at);
    FaultyCalls calls;
    Round round(direct, calls);
    calls.fail(call, at, EIO);
    const auto errors = round.run();
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].kind == Kind::input_output);
    CHECK_THROWS_AS(errors[0].raise(), FileError);
    CHECK(round.tiers.reserve(100, Tier::file) == nullptr);  // nobody trusts that disk again
    CHECK_THAT(round.tiers.refusal(), Catch::Contains("no longer used since an error") && Catch::Contains("Input/output error"));
    CHECK(round.tiers.stats().failures == 1);
  }
}

TEST_CASE("a full disk at any position is reported, and the next storage may try again") {
  const bool direct = GENERATE(true, false);
  const int calls_made = calls_of_a_round(FaultyCalls::writing, direct);
  for (int at = 0; at < calls_made; ++at) {
    CAPTURE(direct, at);
    FaultyCalls calls;
    Round round(direct, calls);
    calls.fail(FaultyCalls::writing, at, ENOSPC);
    const auto errors = round.run();
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].kind == Kind::no_room);
    CHECK(round.run().empty());
  }
}

TEST_CASE("short and interrupted calls at any position are continued") {
  const bool direct = GENERATE(true, false);
  const auto call = GENERATE(FaultyCalls::reading, FaultyCalls::writing);
  const int calls_made = calls_of_a_round(call, direct);
  for (const std::size_t most : {std::size_t{1}, std::size_t{100}, std::size_t{4096}, std::size_t{5000}, std::size_t{65535}})
    for (int at = 0; at < calls_made; at += 3) {
      CAPTURE(direct, call, at, most);
      FaultyCalls calls;
      Round round(direct, calls);
      calls.cut(call, at, most);
      calls.fail(call, at + 1, EINTR, 3);
      CHECK(round.run().empty());
    }
}

TEST_CASE("a disk that never gets on with it is an error, not an endless loop") {
  FaultyCalls calls;
  Round round(true, calls);
  calls.cut(FaultyCalls::writing, 0, 512, 1000);
  const auto errors = round.run();
  REQUIRE_FALSE(errors.empty());
  CHECK(errors[0].kind == Kind::input_output);
}

TEST_CASE("a file that somebody shortens at any position gives errors, and never wrong bytes") {
  const bool direct = GENERATE(true, false);
  const auto call = GENERATE(FaultyCalls::reading, FaultyCalls::writing);
  const off_t length = GENERATE(off_t{0}, off_t{300000});
  const int calls_made = calls_of_a_round(call, direct);
  for (int at = 0; at < calls_made; ++at) {
    CAPTURE(direct, call, at, length);
    FaultyCalls calls;
    Round round(direct, calls);
    calls.before(call, at, [&](int file) { REQUIRE(::ftruncate(file, length) == 0); });
    const auto errors = round.run();  // which compares the bytes of all that went through
    REQUIRE_FALSE(errors.empty());
    for (const TransferError& error : errors) CHECK(error.kind == Kind::truncated);
    CHECK(round.tiers.reserve(100, Tier::file) == nullptr);
  }
}

TEST_CASE("a shortened file is not made longer again") {
  FaultyCalls calls;
  Round round(true, calls);
  REQUIRE(::ftruncate(calls.file(), 4096) == 0);
  CHECK(round.tiers.reserve(300_MiB, Tier::file) == nullptr);
  CHECK_THAT(round.tiers.refusal(), Catch::Contains("was shortened by somebody else: it has 4.00 KiB instead of "));
}

TEST_CASE("a byte that changed in the file is noticed by the checksum, with the storage's name") {
  FaultyCalls calls;
  TransferEngine tiers(cpu_runtime(), {.checksums = true, .calls = &calls});
  Bytes source(100000, 0, 1), target(100000);
  Home* home = tiers.reserve(source.size(), Tier::file, "relu");
  REQUIRE_FALSE(tiers.wait(tiers.start_out(*home, source.data())));
  calls.before(FaultyCalls::reading, 0, [&](int file) {
    const std::unique_ptr<char, decltype(&std::free)> block(static_cast<char*>(std::aligned_alloc(4096, 4096)), std::free);
    REQUIRE(::pread(file, block.get(), 4096, 8192) == 4096);
    block.get()[77] ^= 4;
    REQUIRE(::pwrite(file, block.get(), 4096, 8192) == 4096);
  });
  const TransferError error = tiers.wait(tiers.start_in(*home, target.data()));
  CHECK(error.kind == Kind::corrupted);
  CHECK(error.text == "the 97.66 KiB of relu that came back from the file are not those that left\nmemory or disk is failing, or Tasuki has a bug");
  CHECK_THROWS_AS(error.raise(), InternalError);
  tiers.free(home);
}

TEST_CASE("errors of transfers say what happened where, and what to do") {
  const TemporaryFolder folder;
  FaultyCalls calls;
  Round round(true, calls, folder.path());
  const std::string place = "a nameless file in " + folder.path();
  Home* home = round.tiers.reserve(storage_bytes, Tier::file);
  calls.fail(FaultyCalls::writing, 0, ENOSPC);
  CHECK(round.tiers.wait(round.tiers.start_out(*home, round.sources[0]->data())).text ==
        "cannot write 64.00 KiB at 0 B of " + place + ": No space left on device\nfree some space, or choose another disk");
  REQUIRE_FALSE(round.tiers.wait(round.tiers.start_out(*home, round.sources[0]->data())));
  calls.fail(FaultyCalls::reading, 1, EIO);
  CHECK(round.tiers.wait(round.tiers.start_in(*home, round.targets[0]->data())).text ==
        "cannot read 64.00 KiB at 64.00 KiB of " + place + ": Input/output error\nthe disk or its file system fails: see the kernel's log, and name a file on another disk");
  REQUIRE(::ftruncate(calls.file(), 0) == 0);
  CHECK(round.tiers.wait(round.tiers.start_in(*home, round.targets[0]->data())).text ==
        place + " was shortened by somebody else: it has 0 B instead of 64.00 MiB\nwhat was in it is lost: go on from the last checkpoint, and keep others from that file");
  round.tiers.free(home);
}

TEST_CASE("no room on the disk is a refusal with the reason, and less room than hoped for is taken") {
  const TemporaryFolder folder;
  FaultyCalls calls;
  TransferEngine tiers(cpu_runtime(), {.file = folder.path(), .calls = &calls});
  calls.fail(FaultyCalls::preallocating, 0, ENOSPC);  // the generous first step; exactly what is needed comes next
  Home* home = tiers.reserve(1_MiB, Tier::file);
  REQUIRE(home);
  CHECK(tiers.stats().file_size <= 1_MiB + 64_KiB);
  calls.fail(FaultyCalls::preallocating, 0, ENOSPC, 2);
  CHECK(tiers.reserve(1_MiB, Tier::file) == nullptr);
  CHECK(tiers.refusal() == "cannot take 1.00 MiB more in a nameless file in " + folder.path() + ": No space left on device\nfree some space, or choose another disk");
  tiers.free(home);
  home = tiers.reserve(1_MiB, Tier::file);  // what there is serves on
  CHECK(home);
  CHECK(tiers.refusal().empty());
  tiers.free(home);
}

TEST_CASE("a file system that cannot take room ahead is used without, and the report says so") {
  FaultyCalls calls;
  calls.fail(FaultyCalls::preallocating, 0, EOPNOTSUPP, 100);
  TransferEngine tiers(cpu_runtime(), {.calls = &calls});
  Bytes source(100000, 0, 1), target(100000);
  Home* home = tiers.reserve(source.size(), Tier::file);
  REQUIRE(home);
  CHECK_FALSE(tiers.wait(tiers.start_out(*home, source.data())));
  CHECK_FALSE(tiers.wait(tiers.start_in(*home, target.data())));
  CHECK(target.holds(1));
  CHECK_THAT(tiers.report(), Catch::Contains("the file system cannot take room ahead"));
  tiers.free(home);
}

TEST_CASE("a file system that refuses O_DIRECT is used without, and the report says what that costs") {
  FaultyCalls calls;
  calls.fail(FaultyCalls::writing, 0, EINVAL, 9);  // all sizes and alignments that are tried
  TransferEngine tiers(cpu_runtime(), {.calls = &calls});
  Bytes source(100000, 8, 1), target(100000, 8);
  Home* home = tiers.reserve(source.size(), Tier::file);
  REQUIRE(home);
  CHECK_FALSE(tiers.wait(tiers.start_out(*home, source.data())));
  CHECK_FALSE(tiers.wait(tiers.start_in(*home, target.data())));
  CHECK(target.holds(1));
  CHECK_THAT(tiers.report(), Catch::Contains("without O_DIRECT: Invalid argument") && Catch::Contains("fills the page cache, which counts as memory"));
  tiers.free(home);
}
