#pragma once
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory {

/// Between the least that a step needs (part 0) and what it takes when all is kept (part 1).
inline std::size_t budget_between(const Trace& trace, const Machine& machine, double part) {
  const std::size_t floor = floor_bytes(trace), peak = simulate(trace, machine, {}).peak_bytes;
  return floor + static_cast<std::size_t>(part * static_cast<double>(peak - floor));
}

}  // namespace tasuki::memory
