// What somebody writes beside the launches, as the thread that sums gradients over processes does, leaves with the bytes that it has in
// the end.
#include <algorithm>
#include <memory>
#include <thread>

#include "src/memory/manager.hpp"
#include "src/runtime/pins.hpp"
#include "tasuki/nn/linear.hpp"
#include "tests/catch.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using tasuki::memory::Manager;
using tasuki::memory::Tier;

TEST_CASE("a departure that comes due while somebody writes does not begin") {
  const ts::Device device = ts::Device::cpu();
  const ts::memory::Budget budget{device, {.bytes = 64_MiB, .file_bytes = 16_MiB, .policy = ts::memory::Policy::swap}};
  constexpr std::int64_t count = 1 << 18;
  const ts::Tensor x = ts::zeros({count});
  Manager& manager = Manager::of(device);
  auto& residence = *manager.residence_of(x.storage());
  {
    ts::Pins pins;
    pins.add(x.storage(), true);
    x.storage().mark_written("a sum");  // as of now, while the bytes follow
    CHECK_FALSE(manager.depart(residence, Tier::file));
    CHECK_FALSE(manager.finish_departure(residence));
    auto* const values = static_cast<float*>(x.impl()->address());
    std::thread([=] { std::fill_n(values, count, 3.0f); }).join();
  }
  CHECK(manager.depart(residence, Tier::file));
  CHECK(manager.finish_departure(residence));
  CHECK(x.storage().residency() == ts::Residency::away);
  CHECK(x.sum().item<float>() == 3.0f * count);
}

TEST_CASE("nor does one of what somebody began to write before there was a budget") {
  const ts::Device device = ts::Device::cpu();
  constexpr std::int64_t count = 1 << 18;
  const ts::nn::Linear layer{512, 512, {.bias = false}};  // whose weight a budget takes note of when it begins
  ts::Tensor weight = layer.weight.detach();
  auto access = std::make_unique<ts::DataAccess<float>>(weight.data<float>());
  const ts::memory::Budget budget{device, {.bytes = 64_MiB, .file_bytes = 16_MiB, .policy = ts::memory::Policy::swap}};
  Manager& manager = Manager::of(device);
  REQUIRE(manager.residence_of(weight.storage()));
  auto& residence = *manager.residence_of(weight.storage());
  CHECK_FALSE(manager.depart(residence, Tier::file));
  std::fill(access->begin(), access->end(), 3.0f);
  access.reset();
  CHECK(manager.depart(residence, Tier::file));
  CHECK(manager.finish_departure(residence));
  CHECK(weight.sum().item<float>() == 3.0f * count);
}

TEST_CASE("a departure may begin while somebody reads") {
  const ts::Device device = ts::Device::cpu();
  const ts::memory::Budget budget{device, {.bytes = 64_MiB, .file_bytes = 16_MiB, .policy = ts::memory::Policy::swap}};
  const ts::Tensor x = ts::full({1 << 18}, 2.0);
  Manager& manager = Manager::of(device);
  auto& residence = *manager.residence_of(x.storage());
  {
    ts::Pins pins;
    pins.add(x.storage());
    CHECK(manager.depart(residence, Tier::file));
    CHECK_FALSE(manager.finish_departure(residence));  // but not end
  }
  CHECK(manager.finish_departure(residence));
  CHECK(x.sum().item<float>() == 2.0f * (1 << 18));
}
