#pragma once
#include "tasuki/core/device.hpp"
#include "tasuki/runtime/runtime.hpp"

/// The devices that these tests run on.
namespace testing_memory {

inline const tasuki::Device cpu = tasuki::Device::cpu();
inline tasuki::DeviceRuntime& cpu_runtime() { return tasuki::runtime_of(tasuki::Device::cpu()); }
/// Does the work of its streams in an order that the seed chooses, and overwrites what is freed.
inline tasuki::Device seeded_sim(std::uint64_t seed) {
  return tasuki::Device::sim(0, {.bytes = std::size_t{256} << 20, .schedule = tasuki::SimSchedule::seeded, .seed = seed, .poison = true});
}

}  // namespace testing_memory
