// What users of budgets get wrong, and what they are told.
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/memory/devices.hpp"
#include "tests/memory/training.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using namespace tasuki::testing;
using testing_memory::cpu;
using ts::memory::Budget;
using ts::memory::Policy;

namespace {

/// A device of its own: what it holds is exactly what these tests make.
ts::Device small_device() { return ts::Device::sim(3, {.bytes = 8_MiB}); }

}  // namespace

TEST_CASE("budget errors: no bytes, more than the device has, and two at once") {
  expect_error([] { Budget(cpu, 0); },
               "ValueError: Budget\n"
               "  expected  a budget of some bytes\n"
               "  actual    0\n"
               "  write for example ts::memory::Budget budget{device, 4_GiB}\n"
               "  called at <here>");
  expect_error([] { Budget(small_device(), 9_MiB); },
               "ValueError: Budget\n"
               "  expected  a budget within the 8388608 bytes of sim:3\n"
               "  actual    9437184 bytes\n"
               "  called at <here>");
  const Budget first(small_device(), 4_MiB);
  expect_error([] { Budget(small_device(), 2_MiB); },
               "ValueError: Budget\n"
               "  expected  one budget at a time on sim:3\n"
               "  actual    a budget of 4194304 bytes is in force; let it go out of scope first\n"
               "  called at <here>");
}

TEST_CASE("budget errors: an op that cannot fit is refused before it is launched, and says what would do") {
  const ts::Tensor a = ts::ones({256, 1024}, {.device = small_device()});  // 1 MiB
  const Budget budget(small_device(), 2_MiB);
  const ts::Tensor b = a + 1;
  const auto before = ts::memory::stats(small_device()).allocations;
  expect_error([&] { a * b; },
               "OutOfMemory: mul\n"
               "  expected  room for 1048576 bytes beside the 2097152 bytes that must stay\n"
               "  actual    a budget of 2097152 bytes on sim:3; the smallest that this launch fits is 3145728\n"
               "  a: f32[256, 1024] sim:3   b: f32[256, 1024] sim:3\n"
               "  called at <here>");
  CHECK(ts::memory::stats(small_device()).allocations == before);
}

TEST_CASE("budget errors: the policy keeps what could have left") {
  const ts::Tensor a = ts::ones({256, 1024}, {.device = small_device()});
  const Budget budget(small_device(), {.bytes = 2_MiB, .policy = Policy::keep});
  const ts::Tensor b = a * 2;
  expect_error([&] { b * 2; },
               "OutOfMemory: mul\n"
               "  expected  room for 1048576 bytes beside the 2097152 bytes that must stay\n"
               "  actual    a budget of 2097152 bytes on sim:3; the smallest that this launch fits is 3145728\n"
               "  1048576 bytes of it are not in use by this launch, but the policy keeps them\n"
               "  a: f32[256, 1024] sim:3\n"
               "  called at <here>");
}

TEST_CASE("budget errors: nowhere to go") {
  const ts::Tensor a = ts::ones({256, 1024}, {.device = small_device()});
  const Budget budget(small_device(), {.bytes = 2_MiB, .host_bytes = 0, .file_bytes = 0});
  const ts::Tensor b = a * 2;
  const std::string text = error_text([&] { b * 2; });
  INFO(text);
  CHECK(text.find("1048576 bytes of it are not in use by this launch, but cannot leave") != std::string::npos);
}

TEST_CASE("budget errors: a file that cannot be made") {
  const std::string text = error_text([&] { Budget(cpu, {.bytes = 64_MiB, .file = "/proc/nowhere/file"}); });
  INFO(text);
  CHECK(text.find("FileError: Budget\n") == 0);
  CHECK(text.find("/proc/nowhere/file") != std::string::npos);
  CHECK(cpu.is_cpu());
  CHECK(ts::runtime_of(cpu).manager() == nullptr);  // nothing is left of the attempt
  CHECK(ts::memory::stats(cpu).limit_bytes == 0);
}

TEST_CASE("bytes from text") {
  CHECK(ts::memory::parse_bytes("4GiB") == 4_GiB);
  CHECK(ts::memory::parse_bytes("1.5MB") == 1500000);
  CHECK(ts::memory::parse_bytes("1048576") == 1_MiB);
  for (const char* wrong : {"", "GiB", "-1GiB", "4 GiB", "4gib", "1e400GiB", "12abc"})
    CHECK_THROWS_AS(ts::memory::parse_bytes(wrong), ts::ValueError);
  expect_error([] { ts::memory::parse_bytes("four"); },
               "ValueError: expected  a number of bytes, as in \"512MiB\", \"1.5GB\" or \"1048576\"\n"
               "  actual    \"four\"");
}
