#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <iterator>
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

std::string refusal_of(const std::string& file, FaultyCalls* calls = nullptr) {
  try {
    const TransferEngine tiers(cpu_runtime(), {.file = file, .calls = calls});
    return "";
  } catch (const FileError& error) {
    return error.body();
  }
}

bool round_trip(TransferEngine& tiers, std::uint64_t seed) {
  Bytes source(200000, 0, seed), target(200000);
  Home* home = tiers.reserve(source.size(), Tier::file);
  const bool well = home && !tiers.wait(tiers.start_out(*home, source.data())) && !tiers.wait(tiers.start_in(*home, target.data())) && target.holds(seed);
  tiers.free(home);
  return well;
}

/// The exit status of a child that runs `work`, or minus the signal that ended it.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(work());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/// The thread sanitizer ends a child that starts threads when its parent has some, such as those of a simulated device.
bool children_may_start_threads() {
#if defined(__SANITIZE_THREAD__)
  const auto threads = std::filesystem::directory_iterator("/proc/self/task");
  if (std::distance(begin(threads), end(threads)) > 2) {  // this one and the sanitizer's
    WARN("skipped: other tests left threads behind; run this file alone");
    return false;
  }
#endif
  return true;
}

}  // namespace

TEST_CASE("a named file has no name any more once it is in use") {
  const TemporaryFolder folder;
  TransferEngine tiers(cpu_runtime(), {.file = folder / "swap"});
  CHECK(folder.file_count() == 0);
  CHECK(round_trip(tiers, 1));
  CHECK(folder.file_count() == 0);
  CHECK_THAT(tiers.report(), Catch::Contains("file: " + folder / "swap"));
}

TEST_CASE("a folder takes a nameless file") {
  const TemporaryFolder folder;
  TransferEngine tiers(cpu_runtime(), {.file = folder.path()});
  CHECK(round_trip(tiers, 1));
  CHECK(folder.file_count() == 0);
  CHECK_THAT(tiers.report(), Catch::Contains("a nameless file in " + folder.path()));
}

TEST_CASE("an empty file of that name is replaced, and one with content is not touched") {
  const TemporaryFolder folder;
  folder.write("empty", "");
  TransferEngine tiers(cpu_runtime(), {.file = folder / "empty"});
  CHECK(round_trip(tiers, 1));

  const std::string thesis = folder.write("thesis", "seven years of work");
  CHECK(refusal_of(thesis) == "cannot swap to " + thesis + ": it is there already and holds 19 B that would be lost\nremove it if nobody needs it, or name a file that is not there yet");
  CHECK(TemporaryFolder::read(thesis) == "seven years of work");
}

TEST_CASE("what cannot be a swap file is refused with the reason") {
  const TemporaryFolder folder;
  const std::string nowhere = folder / "no/such/folder/swap", link = folder / "link";
  CHECK(refusal_of(nowhere) == "cannot swap to " + nowhere + ": No such file or directory\nis the name right, and does its directory exist?");
  CHECK(refusal_of("/dev/null") == "cannot swap to /dev/null: it is neither a regular file nor a folder\nname a file that is not there yet, or a folder");
  REQUIRE(::symlink("nothing", link.c_str()) == 0);
  CHECK(refusal_of(link) == "cannot swap to " + link + ": it is neither a regular file nor a folder\nname a file that is not there yet, or a folder");
  CHECK(refusal_of(std::string("a\0b", 3)) == "cannot swap to a file: its name contains a zero byte");
  FaultyCalls calls;
  calls.fail(FaultyCalls::opening, 0, EROFS);
  CHECK(refusal_of(folder / "swap", &calls) == "cannot swap to " + folder / "swap" + ": Read-only file system\nchoose a directory on a file system that can be written");
}

TEST_CASE("a folder that this user may not write is refused with the reason") {
  const TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0500) == 0);
  const std::string swap = folder / "swap";
  const auto refused = [&](const std::string& file, const std::string& name) {
    return refusal_of(file) == "cannot swap to " + name + ": Permission denied\nthis user may not; check the permissions of the file and of its directory";
  };
  const int status = in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;  // root may write everywhere
    return refused(swap, swap) && refused(folder.path(), folder.path()) ? 0 : 1;
  });
  CHECK(status == 0);
}

TEST_CASE("without a file that was asked for by name, doing without is no error") {
  FaultyCalls calls;
  calls.fail(FaultyCalls::opening, 0, EACCES, 10);
  TransferEngine tiers(cpu_runtime(), {.calls = &calls});
  CHECK(tiers.reserve(100, Tier::file) == nullptr);
  CHECK(tiers.refusal() == "cannot swap to /var/tmp: Permission denied\nthis user may not; check the permissions of the file and of its directory");
  CHECK(tiers.report() == "host: the CPU has no host tier beside its own memory\nfile: none: " + tiers.refusal());
  CHECK_FALSE(tiers.prepare(Tier::file, 100));

  TransferEngine none(cpu_runtime(), {.file_bytes = 0});
  CHECK(none.reserve(100, Tier::host) == nullptr);
  CHECK(none.refusal() == "the CPU has no host tier beside its own memory\nthe file tier is switched off (file_bytes = 0)");
}

TEST_CASE("the file stays within its limit, and places are used again") {
  TransferEngine tiers(cpu_runtime(), {.file_bytes = 1_MiB});
  Home* first = tiers.reserve(600000, Tier::file);
  REQUIRE(first);
  CHECK(tiers.reserve(600000, Tier::file) == nullptr);
  CHECK(tiers.refusal() == "a nameless file in /var/tmp is full: 588.00 KiB are in use of 1.00 MiB taken and 1.00 MiB allowed; 152.00 KiB more are needed");
  tiers.free(first);
  Home* second = tiers.reserve(1_MiB, Tier::file);
  CHECK(second);
  tiers.free(second);
  CHECK(tiers.stats().file_limit == 1_MiB);
}

TEST_CASE("preparing nothing opens the file and takes no room") {
  TransferEngine tiers(cpu_runtime());
  CHECK(tiers.stats().file_limit == 0);
  CHECK(tiers.prepare(Tier::file, 0));
  CHECK(tiers.stats().file_limit > 0);
  CHECK(tiers.stats().file_size == 0);
}

TEST_CASE("the default limit of the file leaves free space to others") {
  const TemporaryFolder folder;
  TransferEngine tiers(cpu_runtime(), {.file = folder.path()});
  struct statfs disk;
  REQUIRE(::statfs(folder.path().c_str(), &disk) == 0);
  CHECK(tiers.stats().file_limit < static_cast<std::size_t>(disk.f_bavail) * static_cast<std::size_t>(disk.f_bsize));
}

TEST_CASE("a tmpfs is reported, since its bytes are memory") {
  struct statfs memory;
  if (::statfs("/dev/shm", &memory) != 0 || memory.f_type != 0x01021994) {
    WARN("skipped: /dev/shm is no tmpfs here");
    return;
  }
  TransferEngine tiers(cpu_runtime(), {.file = "/dev/shm"});
  CHECK(round_trip(tiers, 1));
  CHECK_THAT(tiers.report(), Catch::Contains("tmpfs") && Catch::Contains("its bytes are memory and count against the control group"));
}

TEST_CASE("several processes may name the same file") {
  if (!children_may_start_threads()) return;
  const TemporaryFolder folder;
  std::vector<pid_t> children;
  for (int rank = 0; rank < 4; ++rank) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(60);
      bool well = true;
      for (int run = 0; run < 10; ++run) {
        TransferEngine tiers(cpu_runtime(), {.file = folder / "swap"});
        for (int i = 0; i < 5; ++i) well = well && round_trip(tiers, static_cast<std::uint64_t>(100 * rank + i + 1));
      }
      ::_exit(well ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(folder.file_count() == 0);
}

TEST_CASE("a process that is killed in the middle of a transfer leaves no file behind") {
  if (!children_may_start_threads()) return;
  const TemporaryFolder folder;
  const int status = in_child([&] {
    TransferEngine tiers(cpu_runtime(), {.file = folder / "swap"});
    Bytes source(32_MiB, 0, 1);
    tiers.start_out(*tiers.reserve(source.size(), Tier::file), source.data());
    return ::kill(::getpid(), SIGKILL);
  });
  CHECK(status == -SIGKILL);
  CHECK(folder.file_count() == 0);
}

TEST_CASE("without a thread to spare, transfers to the file fail and say why") {
  if (!children_may_start_threads()) return;
  const int status = in_child([&] {
    const rlimit one{1, 1};
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 2;  // root has no limit
    TransferEngine tiers(cpu_runtime());
    Home* home = tiers.reserve(100, Tier::file);
    if (!home || ::setrlimit(RLIMIT_NPROC, &one) != 0) return 3;
    char bytes[100] = {};
    const TransferError error = tiers.wait(tiers.start_out(*home, bytes));
    tiers.free(home);
    const std::string expected = "cannot start a thread that moves bytes to the file: Resource temporarily unavailable\nraise the limit on processes (ulimit -u)";
    return error.text == expected && tiers.stats().file_in_use == 0 ? 0 : 1;
  });
  CHECK(status == 0);
}

TEST_CASE("a forked child may end with a copy of the engine, whose threads it does not have") {
  auto tiers = std::make_unique<TransferEngine>(cpu_runtime());
  CHECK(round_trip(*tiers, 1));
  CHECK(in_child([&] {
          tiers.reset();
          return 0;
        }) == 0);
  CHECK(round_trip(*tiers, 2));
}
