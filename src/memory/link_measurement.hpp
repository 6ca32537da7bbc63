#pragma once
#include "src/memory/transfer.hpp"
#include "tasuki/memory/plan.hpp"

namespace tasuki::memory {

/// The machine that `tiers` move bytes on, for the planner: latency and speed of each link alone, how much of that is left while both
/// directions are busy, and the room in the tiers. Takes about `seconds`, opens the file tier, and needs up to 64 MiB of host memory
/// meanwhile. A simulated device's own link is what its profile says. Without a file tier, `file_bytes` is 0.
Machine measure_machine(DeviceRuntime& runtime, TransferEngine& tiers, double seconds = 0.25);

/// Seconds that the threads of a file tier computed for each byte that they moved, between two looks at it.
double compute_per_byte(const TierStats& before, const TierStats& now);

}  // namespace tasuki::memory
