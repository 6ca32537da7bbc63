#pragma once
#include <cstddef>
#include <vector>

#include "src/memory/planner/greedy.hpp"
#include "src/memory/planner/replay_rates.hpp"

namespace tasuki::memory::planner {

/// Bytes that can be swapped at a crowded launch, by which copies they need and when these can run. With a cut somewhere after the
/// launch, a step's time is that from the cut (around the end of the step) to the launch, and that from the launch to the cut.
struct Swappable {
  // Whether the copy out must lie before the launch (after the cut), whether the copy in must lie after it (before the cut), and
  // whether there is a copy out at all: what no launch writes has one from an earlier step.
  // And whether it need not come back at all.
  enum : unsigned { out_before = 1, in_after = 2, dirty = 4, for_good = 8, kinds = 16 };
  double bytes[kinds] = {};

  /// The most that can be away with so much time before and after the launch; `fresh` is that of it which this step has made.
  double most(double before, double after, double out_rate, double in_rate, double& fresh) const;
};

/// What lower_bound() computes, for many budgets of one step, and for policies that allow less.
class Bound {
 public:
  /// Looks at that many launches.
  Bound(const StepModel& model, const Machine& machine, Allowed allowed, int launches);
  double seconds(std::size_t budget_bytes) const;

 private:
  struct Cut {
    int launch;
    Swappable swaps;
  };
  struct Point {
    int launch;
    std::size_t memory;
    ReplayRates replays;
    std::vector<Cut> cuts;
  };
  const StepModel& model_;
  const Machine& machine_;
  std::vector<Point> points_;
};

}  // namespace tasuki::memory::planner
