#pragma once
#include <cstdint>

namespace tasuki::memory {

/// Where a storage's bytes can be, from the fastest and smallest to the slowest and largest. The CPU's own memory is its device.
enum class Tier : std::uint8_t { device, host, file };

}  // namespace tasuki::memory
