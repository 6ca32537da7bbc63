// What users see of the simulated device: its name and options, tensors that go there and come back, errors.
#include "tasuki/tasuki.hpp"
#include "tests/sim/fresh_device.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace ts::testing;
using namespace ts::literals;
using Catch::Contains;

static ts::Device device(const ts::SimOptions& options = {}) { return fresh_device(options).device(); }

TEST_CASE("a device's name says its memory or its number") {
  CHECK(ts::Device::parse("sim:64MiB") == ts::Device::sim(0));
  CHECK(ts::sim::options(ts::Device::sim()).bytes == 64_MiB);
  CHECK(ts::Device::parse("sim") == ts::Device::sim(0));
  CHECK(ts::sim::options(ts::Device::sim()).bytes == 64_MiB);  // naming a device does not change it
  CHECK(ts::Device::parse("sim:1.5GiB") == ts::Device::sim(0));
  CHECK(ts::memory::stats(ts::Device::sim()).limit_bytes == 1536_MiB);
  CHECK(ts::Device::parse("sim:2GB") == ts::Device::sim(0));
  CHECK(ts::sim::options(ts::Device::sim()).bytes == 2'000'000'000);
  CHECK(ts::Device::parse("sim:3") == ts::Device::sim(3));
  CHECK(ts::Device::parse(ts::Device::sim(3).to_string()) == ts::Device::sim(3));
  CHECK(ts::Device::sim(2).to_string() == "sim:2");
}

TEST_CASE("names that are no device are refused with what there is") {
  for (const char* name : {"sim:", "sim:GiB", "sim:-1GiB", "sim:4gib", "sim:4GiB:1", "sim:1e30GiB", "sim:99"})
    CHECK_THAT(error_text([&] { ts::Device::parse(name); }), Contains(name) && Contains("index below 64") && Contains("sim:512MiB"));
  CHECK_THAT(error_text([] { ts::Device::parse("gpu"); }), Contains("DeviceError") && Contains("\"cpu\" and \"sim\"") && Contains("sim:4GiB"));
  CHECK_THAT(error_text([] { ts::Device::sim(-1); }), Contains("from 0 to 63") && Contains("-1"));
  CHECK_THAT(error_text([] { ts::sim::clock(ts::Device::cpu()); }), Contains("simulated device") && Contains("cpu"));
  CHECK_THAT(error_text([] { ts::runtime_of({ts::DeviceKind::cuda, 0}); }), Contains("no device cuda:0"));
}

TEST_CASE("a device can start again with other options while it holds no tensors") {
  device({.bytes = 1_MiB});
  ts::Tensor x = ts::ones({100}, {.device = ts::Device::sim(1)});
  CHECK_NOTHROW(ts::Device::sim(1, {.bytes = 1_MiB}));  // the same options
  expect_error([] { ts::Device::sim(1, {.bytes = 2_MiB}); },
               "DeviceError: expected  no tensors on sim:1, to start it again with other options\n"
               "  actual    512 bytes are in use\n"
               "  configure the device first, or use another one: ts::Device::sim(2, ...)");
  CHECK(x.sum().item<float>() == 100);
  x = ts::Tensor();
  ts::Device::sim(1, {.bytes = 2_MiB});
  CHECK(ts::memory::stats(ts::Device::sim(1)).limit_bytes == 2_MiB);
  CHECK_THAT(error_text([] { ts::Device::sim(1, {.bytes = 0}); }), Contains("a device with memory"));
  CHECK_THAT(error_text([] { ts::Device::sim(1, {.profile = "abacus"}); }), Contains("abacus") && Contains("h100-pcie5"));
  CHECK(ts::sim::options(ts::Device::sim(1)).bytes == 2_MiB);  // refused options change nothing
}

TEST_CASE("tensors of every dtype and layout go to the device and come back with the same bytes and strides") {
  const ts::Device there = device({.poison = true});
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_}) {
    const ts::Tensor x = ts::rand({3, 4, 5}).mul(3).to(dtype);
    CHECK(bytes_of(x.to(there).cpu()) == bytes_of(x));
  }
  const ts::Tensor x = ts::randn({2, 3, 4, 5});
  const ts::Tensor last = x.contiguous(ts::MemoryFormat::channels_last);
  CHECK(last.to(there).strides() == last.strides());
  CHECK(bytes_of(last.to(there).cpu()) == bytes_of(x));
  const ts::Tensor sliced = x.slice(3, 1, 5, 2), reversed = x.permute({3, 1, 0, 2});
  CHECK(bytes_of(sliced.to(there)) == bytes_of(sliced));
  CHECK(bytes_of(x.to(there).slice(3, 1, 5, 2).cpu()) == bytes_of(sliced));
  CHECK(bytes_of(reversed.to(there)) == bytes_of(reversed));
  CHECK(ts::zeros({0, 3}).to(there).cpu().shape() == ts::Shape{0, 3});
  CHECK(ts::tensor(2.5f).to(there).item<float>() == 2.5f);
  CHECK(x.to(there).to(there).device() == there);
}

TEST_CASE("the source of a copy to the device may be overwritten at once") {
  const ts::Device there = device({.schedule = ts::SimSchedule::seeded});
  ts::Tensor x = ts::ones({1000});
  const ts::Tensor copy = x.to(there);
  x.fill_(7);
  x = ts::Tensor();
  CHECK(copy.sum().item<float>() == 1000);
}

TEST_CASE("a move between devices is differentiable, both ways") {
  const ts::Device there = device();
  const ts::Tensor x = ts::tensor({1.0f, 2.0f, 3.0f}).requires_grad_();
  const ts::Tensor y = (x.to(there) * 2).cpu() * x;
  y.sum().backward();
  CHECK(x.grad().device().is_cpu());
  CHECK(x.grad().to_vector<float>() == std::vector<float>{4, 8, 12});
  const ts::Tensor z = ts::tensor({3.0f}, {.device = there}).requires_grad_();
  ts::pow(z.cpu(), 3).sum().backward({.create_graph = true});
  CHECK(z.grad().device() == there);
  z.grad().sum().backward();
  CHECK(z.grad().item<float>() == 27 + 18);
}

TEST_CASE("between two simulated devices tensors go by way of the host") {
  const ts::Device one = device(), other = ts::Device::sim(2);
  const ts::Tensor x = ts::randn({10}).to(one).requires_grad_();
  const ts::Tensor y = x.to(other);
  CHECK(y.device() == other);
  CHECK(bytes_of(y) == bytes_of(x));
  (y * y).sum().backward();
  CHECK(x.grad().device() == one);
}

TEST_CASE("copy_ takes its source from any device") {
  const ts::Device there = device();
  const ts::Tensor x = ts::zeros({2, 3}, {.device = there});
  x.copy_(ts::tensor({1.0f, 2.0f, 3.0f}));
  CHECK(x.to_vector<float>() == std::vector<float>{1, 2, 3, 1, 2, 3});
  const ts::Tensor y = ts::zeros({2, 3}).copy_(x);
  CHECK(y.to_vector<float>() == std::vector<float>{1, 2, 3, 1, 2, 3});
}

TEST_CASE("elements are read by copies, not by address") {
  const ts::Device there = device();
  ts::Tensor x = ts::arange(6, {.dtype = ts::f32, .device = there}).reshape({2, 3});
  CHECK(x.t().to_vector<float>() == std::vector<float>{0, 3, 1, 4, 2, 5});
  CHECK(x[1][2].item<float>() == 5);
  CHECK_THAT(x.to_string(), Contains("0, 1, 2") || Contains("0. 1. 2.") || Contains("0., 1., 2."));
  expect_error([&] { x.data<float>(); },
               "DeviceError: data\n"
               "  expected  a CPU tensor\n"
               "  actual    one on sim:1\n"
               "  copy it first: .cpu()\n"
               "  x: f32[2, 3] sim:1\n"
               "  called at <here>");
}

TEST_CASE("operands on different devices are refused") {
  const ts::Device there = device();
  const ts::Tensor x = ts::ones({2}, {.device = there}), y = ts::ones({2});
  expect_error([&] { x + y; },
               "DeviceError: add\n"
               "  expected  all operands on one device\n"
               "  actual    sim:1 and cpu\n"
               "  move one of them with .to(device)\n"
               "  a: f32[2] sim:1   b: f32[2] cpu\n"
               "  called at <here>");
}

TEST_CASE("random numbers are the same as on the CPU, and the stream stands where it would") {
  const ts::Device there = device();
  const auto draw = [](ts::Device on) {
    ts::manual_seed(3);
    std::string bytes = bytes_of(ts::randn({100}, {.device = on})) + bytes_of(ts::rand({33}, {.dtype = ts::bf16, .device = on})) +
                        bytes_of(ts::randint(0, 1000, {50}, {.device = on})) + bytes_of(ts::dropout(ts::ones({200}, {.device = on}), 0.5));
    const ts::Tensor x = ts::zeros({10}, {.device = on});
    return bytes + bytes_of(ts::uniform_(x)) + bytes_of(ts::randperm(20, {.device = on})) + bytes_of(ts::rand({4}));
  };
  CHECK(draw(there) == draw(ts::Device::cpu()));
}

TEST_CASE("an index out of range is reported at the next wait, as the launcher reports errors") {
  const ts::Device there = device();
  const ts::Tensor table = ts::randn({10, 4}, {.device = there}), index = ts::tensor({3, 11}).to(there);
  const ts::Tensor rows = ts::index_select(table, 0, index);
  expect_error([&] { ts::index_select(table, 0, index).to_vector<float>(); },
               "IndexError: index_select\n"
               "  expected  0 <= index < 10\n"
               "  actual    11 at index[1]\n"
               "  x: f32[10, 4] sim:1   index: i64[2] sim:1\n"
               "  called at <here>");
  CHECK(table.sum().item<float>() == Approx(table.cpu().sum().item<float>()).margin(1e-4));  // and the device goes on
}

TEST_CASE("anomaly mode names the op that made a NaN, though it runs later") {
  const ts::Device there = device();
  const ts::Tensor x = ts::tensor({1.0f, -1.0f}, {.device = there});
  const ts::debug::AnomalyMode on;
  CHECK_THAT(error_text([&] { ts::log(x * 2); }), Contains("NanError: log") && Contains("nan at [1] of output 0") && Contains("all operands were finite"));
}

TEST_CASE("the profiler's durations are those of the kernels") {
  const ts::Device there = device();
  const ts::Tensor x = ts::randn({300, 300}, {.device = there});
  ts::matmul(x, x).to_vector<float>();
  ts::debug::Profiler profiler;
  const ts::Tensor y = ts::matmul(x, x);
  profiler.stop();
  REQUIRE(profiler.rows().size() == 1);
  // 54 million flops: more than a microsecond on any machine, while queueing them takes less
  CHECK(profiler.rows()[0].flops / profiler.rows()[0].seconds < 5e13);
}
