#pragma once
#include <cstdint>

namespace tasuki::memory {

/// What a budget may do with a storage that does not fit.
enum class Policy : std::uint8_t {
  keep,       ///< nothing: OutOfMemory where the budget does not suffice
  swap,       ///< send it to a lower tier and fetch it back
  recompute,  ///< drop it and compute it again
  automatic,  ///< whichever takes less time, for each storage
};
/// "keep", "swap", "recompute", "automatic".
const char* name_of(Policy policy);

}  // namespace tasuki::memory
