#include "tasuki/core/device.hpp"

#include <atomic>

namespace tasuki {

namespace {
// Packed, because a Device is aligned to 2 bytes and clang calls libatomic for that.
constexpr int index_shift = 8;
std::atomic<unsigned> chosen_default{0};
}

const char* name_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::cpu: return "cpu";
    case DeviceKind::sim: return "sim";
    case DeviceKind::cuda: return "cuda";
  }
  return "?";
}

std::string Device::to_string() const {
  std::string text = name_of(kind_);
  if (kind_ != DeviceKind::cpu) text += ":" + std::to_string(index_);
  return text;
}

Device default_device() {
  const unsigned packed = chosen_default.load(std::memory_order_relaxed);
  return Device(static_cast<DeviceKind>(packed & 0xffu), static_cast<int>(packed >> index_shift));
}
void set_default_device(Device device) {
  chosen_default.store(static_cast<unsigned>(device.kind()) | static_cast<unsigned>(device.index()) << index_shift, std::memory_order_relaxed);
}

}  // namespace tasuki
