#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tasuki/autograd/listener.hpp"
#include "tasuki/memory/tier.hpp"
#include "tasuki/runtime/storage.hpp"

namespace tasuki::memory {

/// A storage of a step, known by its index in Trace::storages.
struct TraceStorage {
  std::size_t bytes = 0;  ///< as the device counts them
  OwnerClass owner = OwnerClass::activation;
  bool at_start = false;   ///< it exists before launch 0; otherwise the first launch that writes it makes it
  bool at_end = false;     ///< it lives on after the last launch
  int released_after = 0;  ///< the launch after which the program lets it go; the last one where at_end
  bool clean = false;      ///< a lower tier holds a good copy when the step begins
};

/// A launch of a step, in the order in which the host issues them.
struct TraceLaunch {
  std::string op, module;
  LaunchPhase phase = LaunchPhase::forward;
  double seconds = 0;
  std::size_t workspace = 0;        ///< bytes, while it runs
  std::vector<int> reads, writes;   ///< storages, each once in a list; one that it changes in place is in both
  unsigned flags = 0;               ///< OpFlags
  bool recorded = false;            ///< on the tape: it can be run again
};

/// A step: what its launches read, write and take. The recipe of a storage is its last writer before the gap in question; it
/// holds when that launch is `recorded`, did not read what it wrote, and nothing that it reads is written again before the replay.
struct Trace {
  std::string device;
  std::size_t base_bytes = 0;  ///< that the device holds all the time and nobody can move
  std::vector<TraceLaunch> launches;
  std::vector<TraceStorage> storages;
};

}  // namespace tasuki::memory
