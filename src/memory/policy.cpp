#include "tasuki/memory/policy.hpp"

namespace tasuki::memory {

const char* name_of(Policy policy) {
  switch (policy) {
    case Policy::keep: return "keep";
    case Policy::swap: return "swap";
    case Policy::recompute: return "recompute";
    case Policy::automatic: return "automatic";
  }
  return "?";
}

}  // namespace tasuki::memory
