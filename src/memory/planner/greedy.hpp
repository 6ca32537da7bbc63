#pragma once
#include <cstddef>
#include <vector>

#include "src/memory/planner/scheduler.hpp"

namespace tasuki::memory::planner {

/// Which moves a policy allows.
struct Allowed {
  bool swap, drop;
};
inline Allowed allowed_by(Policy policy) {
  return {policy == Policy::swap || policy == Policy::automatic, policy == Policy::recompute || policy == Policy::automatic};
}

/// Chooses what leaves. Each gap that could leave costs seconds: its replay, or its copies times a price of the link; the price
/// decides which of both, so that a full link carries what is dearest to compute. A gap is worth the bytes that it takes off the
/// crowded launches; the least seconds per byte leave first, until the step fits.
class Greedy {
 public:
  Greedy(const StepModel& model, const Machine& machine, Scheduler& scheduler, Allowed allowed);

  /// Adds to `choices` what it takes to stay within the cap; false when that fails.
  bool fill(Choices& choices, std::size_t cap, double link_price);

  bool can_swap(std::size_t gap) const { return allowed_.swap && model_.gaps[gap].bytes > 0; }
  bool can_drop(std::size_t gap) const { return allowed_.drop && gains_[gap].drop_bytes > 0; }
  double replay_seconds(std::size_t gap) const { return gains_[gap].replay_seconds; }
  double copy_seconds(std::size_t gap) const { return gains_[gap].copy_seconds; }

 private:
  struct Gain {
    double replay_seconds = 0, copy_seconds = 0;
    std::size_t drop_bytes = 0;  ///< without what must be held instead; 0: cannot be dropped
  };
  struct Offer {
    double worth;  ///< crowded bytes per second
    std::size_t gap;
    bool operator<(const Offer& o) const { return worth != o.worth ? worth < o.worth : gap > o.gap; }
  };
  bool measure_replay(const Gap& gap, Gain& gain);
  bool ease(Choices& choices, double link_price);
  bool retract(Choices& choices, std::size_t cap);
  double relief(const Gap& gap, double bytes) const;
  void take_off(const Gap& gap, double bytes);
  Choice cheaper(std::size_t gap, double link_price, const std::vector<char>& banned) const;
  template <class F>
  void for_inner(const Gap& gap, F&& f) const;

  const StepModel& model_;
  Scheduler& scheduler_;
  Allowed allowed_;
  std::vector<Gain> gains_;
  std::vector<float> excess_;
  std::vector<int> crowded_;      // launches with excess, in order
  std::vector<char> banned_;      // drops that turned out not to work, in this fill
  std::vector<int> seen_, stack_;
  int stamp_ = 0;
};

}  // namespace tasuki::memory::planner
