#pragma once
#include <cstddef>
#include <string>

#include "tasuki/autograd/node.hpp"

namespace tasuki {

/// A launch for which there was no room.
struct Shortage {
  std::size_t bytes = 0;                ///< of its operands, results and scratch together
  SmallVector<const Node*, 8> tape{};   ///< what computed its operands, or is being differentiated: the step leads here
};

/// Adds to the error of a device without a budget what a budget would do: the peak so far, the smallest budget in which the step, as
/// far as its tape tells, would have fitted, and the line that sets one.
void advise_budget(OutOfMemory& error, DeviceRuntime& runtime, const Shortage& shortage);

/// What the fused backward of a node holds at once.
std::size_t backward_bytes(const DeviceRuntime& runtime, Node& node);

/// The smallest budget in which this launch and every op on the tape behind it, forward and backward, have room one at a time.
std::size_t smallest_budget(DeviceRuntime& runtime, const Shortage& shortage);

/// "4_GiB", "1536_MiB", "100_KiB", "1000": as C++ at most so many bytes, and at least `least`, rounded by under 2 %.
std::string bytes_literal(std::size_t bytes, std::size_t least);

}  // namespace tasuki
