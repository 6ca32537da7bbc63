#pragma once
#include "tasuki/core/error.hpp"

namespace tasuki::kernels {

/// For the `default:` of an op's switch over device kinds.
[[noreturn]] inline void not_on(Device device, const char* op) {
  TASUKI_THROW(DeviceError, op, " has no kernel for ", device, " in this build of Tasuki");
}

}  // namespace tasuki::kernels
