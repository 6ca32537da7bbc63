#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tasuki/memory/policy.hpp"
#include "tasuki/memory/trace.hpp"
#include "tasuki/runtime/device_profile.hpp"

namespace tasuki::memory {

enum class Move : std::uint8_t { swap, drop };

/// What happens to a storage in the gap between two consecutive uses: after launch `from` it departs or is dropped, and it is
/// there again for launch `to`. `to <= from` means that the gap wraps around the end of the step. `to` is the number of launches where
/// no launch uses it again, but the program holds on to it for a while, or until after the step: it need not come back, and
/// `issue_at` is the number of launches, too, unless a replay reads it.
///
/// The order of a planned step, on which both the executor and the simulator rely. Before launch k: departures with
/// `freed_before == k` are waited for (by the device, not by the host) and their bytes go back; arrivals with `issue_at == k` get
/// their bytes and are queued; drops with `issue_at == k` are made again, in the order of their writers. Then launch k gets its
/// outputs and workspace and runs. After it, the workspace and what the program released go; departures with `from == k` are
/// queued, and drops with `from == k` let their bytes go at once.
///
/// A replay may need other storages that are gone: those with a drop of their own that is due by then come back into their own
/// places, all others are made as temporaries and go after the last launch of the replay that reads them. While a storage is
/// dropped, what its replay starts from is held, even when the program releases it.
struct Decision {
  int storage = 0, from = 0, to = 0;
  Move move = Move::swap;
  Tier tier = Tier::host;  ///< where it goes
  int freed_before = 0;    ///< swap: the launch before which its bytes are free
  int issue_at = 0;        ///< the launch before which it begins to come back; at latest `to`

  bool operator==(const Decision&) const = default;
};

/// The machine as the planner sees it.
struct Machine {
  std::string name;
  Link out, in;                          ///< device to host, and back; on the CPU memory to file, and back
  Link file_out, file_in;                ///< host to file, and back
  double duplex = 1;                     ///< each direction's speed while both are busy, as a part of its speed alone
  double delay_per_byte = 0;             ///< seconds by which each byte copied delays the launches, whatever hides the copy: on the CPU they share the cores
  std::size_t host_bytes = SIZE_MAX;     ///< room in the tiers; 0: there is no host tier, and `out` and `in` lead to the file
  std::size_t file_bytes = SIZE_MAX;
};

struct PlanOptions {
  std::size_t budget_bytes = 0;
  Policy policy = Policy::automatic;
  std::uint64_t seed = 0;
};

struct Plan {
  bool feasible = false;
  int blocked_launch = -1;           ///< the launch that does not fit, when infeasible
  std::size_t smallest_budget = 0;   ///< that this planner could have met, when infeasible
  std::vector<Decision> decisions;
  std::size_t budget_bytes = 0, peak_bytes = 0;
  double seconds = 0;                ///< of a steady step
  double keep_seconds = 0;           ///< of the step if nothing had to move
  double exposed_seconds = 0;        ///< that the device waits for copies, or is delayed by them
  double replay_seconds = 0;
  std::size_t bytes_out = 0, bytes_in = 0, bytes_dropped = 0;
  double planning_seconds = 0;       ///< that it took to find
};

/// Finds what to move so that a step stays within the budget and is as fast as it can be. A pure function: the same arguments give
/// the same plan, planning_seconds aside. Throws ValueError for a trace that contradicts itself.
Plan plan(const Trace& trace, const Machine& machine, const PlanOptions& options);
/// The bytes that the largest launch needs at once: no budget below it can work.
std::size_t floor_bytes(const Trace& trace);

}  // namespace tasuki::memory
