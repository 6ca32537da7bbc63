#include <vector>

#include "tasuki/autograd/listener.hpp"
#include "tasuki/tasuki.hpp"
#include "tests/sim/fresh_device.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using namespace ts::testing;
using namespace ts::literals;
using Kind = ts::DeviceRuntime::CopyKind;

namespace {

ts::sim::Clock clock_now() { return ts::sim::clock(ts::Device::sim(1)); }

}  // namespace

TEST_CASE("a copy takes the link's latency and its bytes over the link's rate, exactly") {
  ts::SimRuntime& device = fresh_device({.profile = "v100-nvlink"});
  const std::vector<char> host(1_MiB);
  void* const block = device.allocate(1_MiB);
  device.copy_async(block, host.data(), 1_MiB, Kind::host_to_device, ts::sim::in_stream);
  CHECK(clock_now().streams[ts::sim::in_stream].seconds == 10e-6 + 1048576 / 75e9);
  CHECK(clock_now().streams[ts::sim::compute_stream].seconds == 0);
  CHECK(clock_now().bytes_in == 1_MiB);
  CHECK(clock_now().bytes_out == 0);
  synchronize_all(device);
  device.deallocate(block, 1_MiB);
}

TEST_CASE("queues run side by side, and an event makes one start no earlier than the other has come") {
  ts::SimRuntime& device = fresh_device();
  submit(device, 0, [] {}, 3);
  submit(device, 1, [] {}, 1);
  CHECK(clock_now().seconds() == 3);
  device.wait_event(1, device.record_event(0));
  submit(device, 1, [] {}, 1);
  CHECK(clock_now().streams[1].seconds == 4);
  CHECK(clock_now().streams[1].busy_seconds == 2);
  CHECK(clock_now().streams[1].items == 2);
  device.wait_event(0, device.record_event(2));  // nothing to wait for
  submit(device, 0, [] {}, 0.5);
  CHECK(clock_now().streams[0].seconds == 3.5);
}

TEST_CASE("what the host queues after it has waited starts no earlier") {
  ts::SimRuntime& device = fresh_device();
  submit(device, 0, [] {}, 2);
  device.synchronize(0);
  CHECK(clock_now().host_seconds == 2);
  submit(device, 2, [] {}, 1);
  CHECK(clock_now().streams[2].seconds == 3);
  CHECK(clock_now().synchronizations == 1);
}

TEST_CASE("an event of before the clock was reset is long past") {
  ts::SimRuntime& device = fresh_device();
  submit(device, 0, [] {}, 100);
  const ts::Event old = device.record_event(0);
  ts::sim::reset_clock(device.device());
  device.wait_event(1, old);
  submit(device, 1, [] {}, 1);
  CHECK(clock_now().streams[1].seconds == 1);
}

TEST_CASE("events stay valid when the device starts again with other options") {
  ts::SimRuntime& device = fresh_device({.seed = 1});
  for (int i = 0; i < 10; ++i) submit(device, 0, [] {}, 1);
  const ts::Event old = device.record_event(0);
  fresh_device({.seed = 2});
  CHECK(device.has_happened(old));
  device.wait_event(1, old);
  submit(device, 1, [] {}, 1);
  device.synchronize(1);
  CHECK(clock_now().streams[1].seconds == 1);
}

TEST_CASE("a launch takes its flops or its traffic, whichever is longer") {
  for (const char* name : {"v100-nvlink", "a100-pcie4", "h100-pcie5"}) {
    fresh_device({.profile = name});
    const ts::DeviceProfile& p = ts::device_profile(name);
    const ts::Device device = ts::Device::sim(1);
    const ts::Tensor a = ts::zeros({256, 256}, {.device = device}), b = ts::zeros({256, 256}, {.device = device});
    ts::sim::reset_clock(device);
    const ts::Tensor sum = a + b;
    CHECK(clock_now().seconds() == Approx(p.launch_s + 3 * 262144 / p.bytes_per_s).epsilon(1e-12));
    ts::sim::reset_clock(device);
    const ts::Tensor product = ts::matmul(a, b);
    CHECK(clock_now().seconds() == Approx(p.launch_s + std::max(2 * 256.0 * 256 * 256 / p.flops_f32, 3 * 262144 / p.bytes_per_s)).epsilon(1e-12));
  }
}

TEST_CASE("halves are computed at the profile's rate for halves") {
  fresh_device({.profile = "h100-pcie5"});
  const ts::Device device = ts::Device::sim(1);
  const ts::Tensor a = ts::zeros({1024, 1024}, {.dtype = ts::bf16, .device = device});
  ts::sim::reset_clock(device);
  const ts::Tensor product = ts::matmul(a, a);
  CHECK(clock_now().seconds() == Approx(2e-6 + 2 * 1024.0 * 1024 * 1024 / 989e12).epsilon(1e-12));
}

TEST_CASE("what a launch reads and writes counts twice, what it overwrites once") {
  fresh_device({.profile = "h100-pcie5"});
  const ts::DeviceProfile& p = ts::device_profile("h100-pcie5");
  const ts::Device device = ts::Device::sim(1);
  const ts::Tensor a = ts::zeros({1024, 1024}, {.device = device}).requires_grad_(), b = ts::zeros({1024, 1024}, {.device = device}).requires_grad_();
  const double bytes = 4.0 * 1024 * 1024;
  const auto busy = [&](auto&& work) {
    ts::sim::reset_clock(device);
    work();
    return clock_now().seconds();
  };
  CHECK(busy([&] { a.detach().fill_(1); }) == Approx(p.launch_s + bytes / p.bytes_per_s).epsilon(1e-12));
  CHECK(busy([&] { a.detach().add_(b.detach()); }) == Approx(p.launch_s + 3 * bytes / p.bytes_per_s).epsilon(1e-12));
  ts::optim::AdamW optimizer{{a, b}, {.lr = 1e-3}};
  (a.sum() + b.sum()).backward();
  optimizer.step();  // the state is there from now on
  // Of both parameters: themselves and two means, read and written, and the gradients.
  CHECK(busy([&] { optimizer.step(); }) == Approx(p.launch_s + 2 * 7 * bytes / p.bytes_per_s).epsilon(1e-12));
}

TEST_CASE("listeners can tell what each launch takes: the clock is their sum") {
  struct Sum final : ts::LaunchListener {
    double seconds = 0;
    void after_launch(const ts::LaunchRecord& r) override { seconds += ts::modelled_seconds(ts::sim::profile(r.device), r); }
  } sum;
  fresh_device();
  const ts::Device device = ts::Device::sim(1);
  const ts::Tensor x = ts::randn({32, 64}, {.device = device}), w = ts::randn({16, 64}, {.device = device}).requires_grad_();
  const ts::Tensor t = ts::randint(0, 16, {32}, {.device = device});
  ts::optim::AdamW optimizer{{w}, {.lr = 1e-3}};
  const auto accumulate = [&] { ts::cross_entropy(ts::relu(ts::linear(x, w)), t).backward(); };
  accumulate();
  optimizer.step();  // its state is set to zero: no launch
  ts::sim::reset_clock(device);
  ts::add_listener(sum);
  accumulate();
  optimizer.step();
  w.detach().fill_(1);
  ts::remove_listener(sum);
  CHECK(clock_now().streams[0].busy_seconds == Approx(sum.seconds).epsilon(1e-12));
  CHECK(sum.seconds > 0);
}

TEST_CASE("the clock does not depend on the schedule, nor a training step on the host's waiting") {
  const auto step = [](ts::SimSchedule schedule, std::uint64_t seed) {
    fresh_device({.schedule = schedule, .seed = seed});
    const ts::Device device = ts::Device::sim(1);
    ts::manual_seed(1);
    ts::nn::Linear layer{64, 32};
    layer.to(device);
    ts::optim::AdamW optimizer{layer.parameters(), {.lr = 1e-3}};
    const ts::Tensor x = ts::randn({16, 64}, {.device = device}), t = ts::randint(0, 32, {16}, {.device = device});
    ts::sim::reset_clock(device);
    for (int i = 0; i < 3; ++i) {
      optimizer.zero_grad();
      ts::cross_entropy(ts::dropout(layer(x), 0.1), t).backward();
      optimizer.step();
    }
    const ts::sim::Clock clock = clock_now();
    CHECK(clock.synchronizations == 0);
    CHECK(clock.streams[0].items > 10);
    return clock.seconds();
  };
  const double seconds = step(ts::SimSchedule::concurrent, 0);
  CHECK(step(ts::SimSchedule::concurrent, 0) == seconds);
  CHECK(step(ts::SimSchedule::delayed, 5) == seconds);
  CHECK(step(ts::SimSchedule::seeded, 6) == seconds);
}

TEST_CASE("profiles have names, and this machine's is measured") {
  CHECK(ts::device_profile_names() == std::vector<std::string>{"v100-nvlink", "a100-pcie4", "h100-pcie5", "this machine"});
  const ts::DeviceProfile& here = ts::device_profile("this machine");
  CHECK(here.flops_f32 > 1e8);
  CHECK(here.bytes_per_s > 1e8);
  CHECK(&here == &ts::device_profile("this machine"));
  CHECK(error_text([] { ts::device_profile("tpu"); }) ==
        "ValueError: no device profile \"tpu\": there are \"v100-nvlink\", \"a100-pcie4\", \"h100-pcie5\", \"this machine\"");
}
