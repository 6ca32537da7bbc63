#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/memory/planner/greedy.hpp"

namespace tasuki::memory::planner {

/// Plans of one trace at a ladder of caps, from keeping everything down to the smallest cap that works. The plan at a rung
/// does not depend on the budget: a budget takes the fastest plan that fits, and so a smaller one gets no larger peak and no faster
/// step. Of large steps, only the rungs next below the budget are planned, to save time.
class Ladder {
 public:
  Ladder(const StepModel& model, const Machine& machine, Policy policy, std::uint64_t seed, std::size_t budget_bytes);

  /// The fastest plan whose peak is within the budget; not feasible when there is none.
  Outcome best_within(std::size_t budget_bytes) const;
  std::size_t smallest_cap() const { return smallest_; }

 private:
  struct Rung {
    Choices choices;
    Outcome outcome;
  };
  Rung plan_at(std::size_t cap, bool quick);
  void find_smallest();
  void consider(Rung& best, Choices choices, std::size_t cap);
  void improve(Rung& best, std::size_t cap);
  std::uint64_t random();

  const StepModel& model_;
  Scheduler scheduler_;
  Greedy greedy_;
  Allowed allowed_;
  std::uint64_t random_;
  std::size_t smallest_ = 0;
  std::vector<double> prices_;
  std::vector<Outcome> outcomes_;
  std::vector<Choices> tried_;  // at the present cap
};

}  // namespace tasuki::memory::planner
