#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
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

/// Chooses what leaves. Each gap that could leave costs seconds: its replay, or its copies times a price of the link and what of
/// them cannot be hidden; the price decides which of both, so that a full link carries what is dearest to compute. A gap is worth
/// the bytes that it takes off the crowded launches; the least seconds per byte leave first, until the step fits.
class Greedy {
 public:
  Greedy(const StepModel& model, const Machine& machine, Scheduler& scheduler, Allowed allowed);

  /// Adds to `choices` what it takes to stay within the cap; false when that fails.
  bool fill(Choices& choices, std::size_t cap, double link_price);
  /// Keeps what there is room for under the cap, the dearest first.
  void undo(Choices& choices, std::size_t cap, double link_price);

  /// From now on these gaps are not dropped: what replays start from. Empty: any may be.
  void set_inputs_of_replays(std::vector<char> gaps) { inputs_ = std::move(gaps); }
  const std::vector<char>& inputs_of_replays() const { return inputs_; }

  bool can_swap(std::size_t gap) const { return allowed_.swap && model_.gaps[gap].bytes > 0; }
  bool can_drop(std::size_t gap) const { return allowed_.drop && gains_[gap].drop_bytes > 0; }
  double replay_seconds(std::size_t gap) const { return gains_[gap].replay_seconds; }
  double copy_seconds(std::size_t gap) const { return gains_[gap].copy_seconds; }
  /// By which its copies delay the launches, be they ever so well hidden.
  double delay_seconds(std::size_t gap) const { return gains_[gap].delay_seconds; }
  /// As Simulator::work.
  std::uint64_t work() const { return scheduler_.simulator().work() + looks_ / 128; }

 private:
  struct Gain {
    double replay_seconds = 0, out_seconds = 0, in_seconds = 0, copy_seconds = 0, delay_seconds = 0;
    std::size_t drop_bytes = 0;  ///< without what must be held instead; 0: cannot be dropped
  };
  struct Offer {
    double worth;  ///< crowded bytes per second
    std::size_t gap;
    Choice choice;
    bool operator<(const Offer& o) const { return worth != o.worth ? worth < o.worth : gap > o.gap; }
  };
  /// Crowded launches, next to each other where there are many: how much is too much at the most.
  struct Crowd {
    int first, last;
  };
  /// The crowds that lie inside a gap: in its step and, where it wraps, in the next. Each from the first to before the second.
  struct Span {
    std::pair<std::size_t, std::size_t> now, next;
    bool empty() const { return now.first == now.second && next.first == next.second; }
  };
  bool measure_replay(const Gap& gap, Gain& gain);
  bool ease(Choices& choices, double link_price);
  bool retract(Choices& choices, std::size_t cap);
  Offer offer(std::size_t gap, double link_price);
  Span span_of(const Scheduler::Absence& away) const;
  double relief(const Span& span, double bytes);
  void take_off(const Span& span, double bytes);
  double exposed_seconds(std::size_t gap, const Span& span);
  std::size_t next_crowd(std::size_t i);
  std::size_t crowd_before(std::size_t i);
  void note_crowded(const std::vector<std::size_t>& memory, std::size_t cap);

  const StepModel& model_;
  Scheduler& scheduler_;
  Allowed allowed_;
  std::vector<Gain> gains_;
  std::vector<Crowd> crowds_;        // in the order of launches
  std::vector<float> excess_;        // of these
  std::vector<std::size_t> next_, before_;  // by crowd, where to look for one that still has some; shortened as one looks
  std::vector<Span> spans_, swap_spans_;  // by gap: where it is gone if it is dropped, or swapped
  std::vector<char> inputs_;
  std::vector<char> banned_;     // drops that turned out not to work, in this fill
  std::vector<int> seen_, stack_;
  int stamp_ = 0;
  std::uint64_t looks_ = 0;
};

}  // namespace tasuki::memory::planner
