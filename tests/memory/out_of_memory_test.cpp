#include "src/autograd/out_of_memory.hpp"

#include <functional>
#include <regex>
#include <string>

#include "tasuki/tasuki.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using namespace tasuki::testing;
using ts::Tensor;

namespace {

/// A device of its own, with 8 MiB: what it holds is exactly what these tests make.
ts::Device device() { return ts::Device::sim(5, {.bytes = 8_MiB}); }

/// Tensors of 1 MiB.
struct Network {
  Tensor x = ts::ones({256, 1024}, {.device = device()}), w = ts::ones({256, 1024}, {.device = device()}).requires_grad_();
  Tensor forward(int depth) const {
    Tensor h = x * w;
    for (int i = 0; i < depth; ++i) h = ts::tanh(h + x);
    return h;
  }
};

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const ts::OutOfMemory& error) {
    return error.what();
  }
  return "";
}

std::size_t number_after(const std::string& text, const std::string& words) {
  std::smatch found;
  REQUIRE(std::regex_search(text, found, std::regex(words + "(\\d+)")));
  return std::stoull(found[1]);
}

}  // namespace

TEST_CASE("without a budget OutOfMemory names the op, its bytes, the peak, the smallest budget and the line to add") {
  const Network net;
  ts::memory::reset_peak(device());
  Tensor h = net.x * net.w;
  // x, w, five results that backward needs, and the sum that the sixth is to be made of: nothing is left
  expect_error([&] { while (true) h = ts::tanh(h + net.x); },
               "OutOfMemory: tanh\n"
               "  expected  room for 1048576 bytes on sim:5\n"
               "  actual    8388608 bytes in use of the device's 8388608; this launch needs at least 9437184\n"
               "  use a smaller batch, or a larger device: ts::Device::sim(5, {.bytes = ...})\n"
               "  x: f32[256, 1024] sim:5\n"
               "  this launch holds 2097152 bytes, scratch and operands included; the peak so far is 8388608\n"
               "  as far as it came, the step fits in a budget of 3145728 bytes; add before the first step\n"
               "    ts::memory::Budget budget{device, 8_MiB};\n"
               "  called at <here>");
}

TEST_CASE("both budgets that it names work, with the same gradient") {
  const auto gradient = [](int depth) {
    const Network net;
    net.forward(depth).sum().backward();
    return bytes_of(net.w.grad().to(ts::Device::cpu()));
  };
  const std::string expected = gradient(1);
  ts::memory::set_byte_limit(device(), 5_MiB);
  const std::string message = message_of([&] { gradient(1); });
  ts::memory::set_byte_limit(device(), 0);
  INFO(message);
  CHECK(number_after(message, "Budget budget\\{device, ") == 5);
  const std::size_t smallest = number_after(message, "a budget of ");
  CHECK(smallest < 5_MiB);
  for (const std::size_t bytes : {std::size_t{5_MiB}, smallest}) {
    const ts::memory::Budget budget{device(), bytes};
    CHECK(gradient(1) == expected);
    CHECK(ts::memory::stats(device()).peak_bytes <= bytes);
  }
  CHECK(message_of([&] {
          const ts::memory::Budget budget{device(), smallest - 256};
          gradient(1);
        }) != "");
}

TEST_CASE("backward is part of the step: what its launches hold counts, and they advise as well") {
  const Network net;
  const Tensor loss = net.forward(1).sum();
  const std::size_t in_use = ts::memory::stats(device()).current_bytes;
  ts::memory::set_byte_limit(device(), in_use + 512);  // room for the seed
  const std::string message = message_of([&] { loss.backward(); });
  ts::memory::set_byte_limit(device(), 0);
  INFO(message);
  CHECK(number_after(message, "this launch holds ") >= 1_MiB);
  CHECK(number_after(message, "a budget of ") >= 3_MiB);
  CHECK_THAT(message, Catch::Contains("Budget budget{device, "));
}

TEST_CASE("where not even one launch fits, no budget is advised") {
  const Network net;
  ts::memory::set_byte_limit(device(), 5_MiB / 2);
  const std::string message = message_of([&] { net.x* net.w; });
  ts::memory::set_byte_limit(device(), 0);
  CHECK_THAT(message, Catch::Contains("no budget would do: one launch at a time, the step needs 3145728 bytes; use a smaller batch"));
  CHECK(message.find("ts::memory::Budget") == std::string::npos);
}

TEST_CASE("byte counts as C++: at most the number, at least the least, in the largest unit that is close") {
  CHECK(ts::bytes_literal(4_GiB, 0) == "4_GiB");
  CHECK(ts::bytes_literal(4_GiB + 70_MiB, 0) == "4_GiB");
  CHECK(ts::bytes_literal(4_GiB + 100_MiB, 0) == "4196_MiB");
  CHECK(ts::bytes_literal(4_GiB - 1, 0) == "4095_MiB");
  CHECK(ts::bytes_literal(4_GiB - 1, 4_GiB - 1000) == "4294967295");
  CHECK(ts::bytes_literal(4_GiB - 1, 4_GiB - 1024) == "4194303_KiB");
  CHECK(ts::bytes_literal(1500, 0) == "1500");
  CHECK(ts::bytes_literal(0, 0) == "0");
}
