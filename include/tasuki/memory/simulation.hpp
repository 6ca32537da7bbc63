#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tasuki/memory/plan.hpp"

namespace tasuki::memory {

/// A step under a plan, played through: what memory it takes at every launch (exactly, since that depends on the order of launches
/// alone), and how long it takes (by the trace's op times and the machine's links). Where a gap wraps around the end of the step
/// it is the steady state, in which every step begins as the one before has left it.
struct Simulation {
  bool possible = false;
  std::string reason;       ///< when it is not: which decision fails, at which launch, and why
  int blocked_launch = -1;  ///< and where

  std::size_t peak_bytes = 0;
  int peak_launch = -1;
  std::vector<std::size_t> memory;  ///< by launch: the most bytes from the end of the launch before to its own end
  std::size_t host_bytes = 0, file_bytes = 0;  ///< the most that the tiers hold

  double seconds = 0;          ///< keep_seconds + exposed_seconds + replay_seconds
  double keep_seconds = 0;     ///< the trace's own launches
  double exposed_seconds = 0;  ///< that the compute queue waits for copies, or is delayed by them
  double replay_seconds = 0;
  std::size_t bytes_out = 0, bytes_in = 0, bytes_dropped = 0;

  std::vector<double> begin, end;  ///< of the launches, in seconds from the step's begin
  struct Copy {
    int storage;
    Tier from, to;
    double begin, end;
  };
  struct Replay {
    int launch, before;  ///< launch `launch` runs again ahead of launch `before`
    double begin, end;
  };
  std::vector<Copy> copies;
  std::vector<Replay> replays;
};

/// Plays `plan.decisions` through. A plan that cannot work gives possible == false and the reason: a storage that is read while
/// it is away, a gap that is none, a replay whose input was overwritten, a tier without room. Whether the peak is within the
/// budget is the caller's to compare. Throws ValueError for a trace that contradicts itself.
Simulation simulate(const Trace& trace, const Machine& machine, const Plan& plan);

/// The fastest of all choices of what swaps and what drops, by trying every one, with triggers as the planner places them: a judge
/// for tests. Throws ValueError for more than 9 gaps (39,366 choices).
Plan exhaustive_plan(const Trace& trace, const Machine& machine, const PlanOptions& options);

/// Seconds below which no plan within the budget gets. At a crowded launch, E bytes must be away: S of them swapped, the rest dropped.
/// That takes at least
///     min over S in [0, E] of  max(Tf, S / b_out) + max(Tb + R(E - S), S / b_in)
/// with Tf and Tb the launches before and after, and R(x) the cheapest replay of x bytes, in fractions: each launch counts once for
/// all that need it, and what its replay reads and is gone by then is made again, too, or held. What lives on from step to step
/// is swapped as well: its copy out may run from its last write in the step before, its copy in until its next use, and the copies
/// of each direction within the time of one step; what no launch writes has a copy from before.
double lower_bound(const Trace& trace, const Machine& machine, std::size_t budget_bytes);

/// A machine with the links of a device's profile.
Machine machine_of(const DeviceProfile& profile);

/// Traces and plans as JSON; reading throws ValueError for a text that is none, with the place.
std::string to_json(const Trace& trace);
std::string to_json(const Plan& plan);
Trace trace_from_json(const std::string& text);
Plan plan_from_json(const std::string& text);
/// A plan for people: what moves, when, and the sums.
std::string to_table(const Trace& trace, const Plan& plan);
/// The simulated step for chrome://tracing and ui.perfetto.dev: compute, copies in each direction, memory.
std::string to_timeline(const Trace& trace, const Simulation& simulation);

}  // namespace tasuki::memory
