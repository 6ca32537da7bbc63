#include "tasuki/core/device.hpp"

#include <atomic>

#include "tasuki/core/error.hpp"

namespace tasuki {

namespace {
std::atomic<Device> chosen_default{Device::cpu()};
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

Device Device::parse(std::string_view text) {
  if (text == "cpu") return cpu();
  TASUKI_THROW(DeviceError, "no device \"", text, "\": this build of Tasuki offers \"cpu\"");
}

Device default_device() { return chosen_default.load(std::memory_order_relaxed); }
void set_default_device(Device device) { chosen_default.store(device, std::memory_order_relaxed); }

}  // namespace tasuki
