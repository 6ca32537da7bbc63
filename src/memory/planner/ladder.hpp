#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "src/memory/planner/search.hpp"

namespace tasuki::memory::planner {

/// Plans of one step under one policy, at rungs from keeping everything down to the floor. What is found at a rung does not depend
/// on the budget. A budget takes the fastest plan of all rungs that fits, and so a smaller one gets no larger peak and no faster
/// step. Of large steps, only the rungs below the budget whose lower bound is better than what is found already are looked at, as far
/// as the work allowed for them goes: there, this holds but for what a search by chance finds only further away.
class Ladder {
 public:
  Ladder(const StepModel& model, const Machine& machine, Policy policy, std::uint64_t seed);

  /// The fastest plan whose peak is within the budget.
  Outcome best_within(std::size_t budget_bytes);
  /// Whether best_within() may be better than this.
  bool may_beat(const Outcome& rival, std::size_t budget_bytes) const;
  /// The least peak of any plan.
  std::size_t smallest_peak() { return smallest().peak; }

 private:
  const Outcome& smallest();

  const StepModel& model_;
  Search search_;
  Bound bound_;
  std::vector<std::size_t> caps_;  // highest first
  std::uint64_t work_;             // for large steps, in all
  bool small_;
  Outcome smallest_;
  bool smallest_known_ = false;
};

}  // namespace tasuki::memory::planner
