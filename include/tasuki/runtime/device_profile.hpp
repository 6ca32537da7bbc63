#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/core/dtype.hpp"

namespace tasuki {

/// A connection between two memories: a copy of n bytes takes latency_s + n / bytes_per_s.
struct Link {
  double latency_s = 0;
  double bytes_per_s = 1;
  double seconds(std::size_t bytes) const { return bytes == 0 ? 0 : latency_s + static_cast<double>(bytes) / bytes_per_s; }
};

/// A device as a clock sees it. An op takes launch_s, plus its arithmetic or its traffic with the device's memory, whichever
/// is longer (the roofline model).
struct DeviceProfile {
  std::string name;
  double flops_f64 = 1, flops_f32 = 1, flops_half = 1;  ///< per second; half: bf16 and f16
  double bytes_per_s = 1;                                ///< of the device's own memory
  double launch_s = 0;                                   ///< fixed cost of an op
  Link out, in;                                          ///< device to host, and back; both directions at once at full speed
  double seconds(double flops, DType dtype, std::size_t bytes) const;
};

/// "v100-nvlink", "a100-pcie4", "h100-pcie5" from data sheets, and "this machine", measured once per process (some 50 ms). Throws
/// ValueError with the names for any other.
const DeviceProfile& device_profile(std::string_view name);
std::vector<std::string> device_profile_names();

}  // namespace tasuki
