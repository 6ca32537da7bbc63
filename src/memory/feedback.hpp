#pragma once
#include <cstddef>
#include <optional>

#include "tasuki/core/small_vector.hpp"
#include "tasuki/memory/plan.hpp"

namespace tasuki::memory {

/// Holds the planned steps of one kind against their plan. Where they take longer than it said, what it counted with is not what it
/// was taken for (links that are slower beside kernels, kernels that are slower beside transfers): it asks for other plans, a few at
/// most, and for the best of them in the end. When they begin to wait longer still it starts over, later each time.
///
/// Only for devices whose host sees the waiting: an accelerator's queues wait by themselves.
class PlanFeedback {
 public:
  struct Step {
    double launch_seconds = 0, replay_seconds = 0, waited_seconds = 0;
    double wall_seconds = 0;  ///< with all that no plan counts with
    double pace = 1;          ///< above 1 where the machine is slower than when the plan was made
    double seconds() const { return launch_seconds + replay_seconds + waited_seconds; }
    double fair_seconds() const { return pace > 1 ? seconds() / pace : seconds(); }
    double all_seconds() const { return wall_seconds > seconds() ? wall_seconds : seconds(); }
  };
  enum class Advice {
    go_on,
    try_another,  ///< plan
    go_back,      ///< to best()
  };
  static constexpr std::size_t steps_per_look = 3;
  /// Of a new plan, which are not held against it: they find what the plan before left, and the device learns where their blocks go.
  static constexpr int first_steps = 3;
  static constexpr int most_plans = 4;

  explicit PlanFeedback(int patience = 1) : patience_(patience) {}

  /// After each planned step but the first ones. Plans are compared by the shortest of their steps: whatever else the machine does
  /// makes them longer.
  Advice add(const Step& step, const Plan& plan);
  /// The plan under way was replaced by one of the same sort.
  void begin_again() { seen_.clear(); }
  /// There was no other plan of that kind, or none that promises less than best() was measured to take.
  Advice skip();
  int tried() const { return tried_; }
  const Plan& best() const { return *best_; }
  double best_seconds() const { return best_seconds_; }

 private:
  SmallVector<Step, steps_per_look> seen_;
  std::optional<Plan> best_;
  double best_seconds_ = 0;
  double least_waiting_ = 0;  ///< with the best plan
  int tried_ = 1;  ///< plans, the one under way included
  bool settled_ = false, is_best_ = true;
  int looks_ = 0, patience_;  ///< since it settled; that it takes before it starts over
};

}  // namespace tasuki::memory
