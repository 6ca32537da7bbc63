#pragma once
#include <atomic>
#include <cstdint>

namespace tasuki::optim {

/// The count of the optimizer that stepped last: where in its training a process is, for messages.
inline std::atomic<std::int64_t>& latest_step() {
  static std::atomic<std::int64_t> step{0};
  return step;
}

}  // namespace tasuki::optim
