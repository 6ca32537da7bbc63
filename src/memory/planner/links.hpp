#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include "tasuki/memory/plan.hpp"

namespace tasuki::memory::planner {

/// The copy queues of a machine in simulated time. Each runs its copies one after the other, in the order in which they were
/// added; `out` and `in` slow each other down while both are busy.
class Links {
 public:
  enum Queue { out, in, file_out, file_in };

  explicit Links(const Machine& machine);
  void clear();
  /// A copy that may begin at `ready`, and not before the copy `after` (-1: none) has ended. `ready` is at or after every time
  /// that finish() has returned.
  int add(Queue queue, double ready, int after, std::size_t bytes);
  /// When the copy ends. What is added later does not change it.
  double finish(int copy);
  double begin_of(int copy) const { return copies_[static_cast<std::size_t>(copy)].begin; }

 private:
  struct Copy {
    double ready, work;  ///< seconds at full speed
    int after;
    double begin = -1, end = -1;
  };
  struct State {
    std::vector<int> waiting;
    std::size_t head = 0;
    int running = -1;
    double since = 0, left = 0, speed = 1;  ///< seconds of work left at `since`
    double ends() const { return since + left / speed; }
  };
  void start_what_can();
  void set_speeds();
  double next_event() const;

  std::array<Link, 4> links_;
  double duplex_;
  std::array<State, 4> states_;
  std::vector<Copy> copies_;
  double now_ = 0;
};

}  // namespace tasuki::memory::planner
