#pragma once
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/support/peer.hpp"
#include "benchmarks/swap_vs_recompute/run.hpp"

namespace tasuki::benchmark {

/// A Run on the CPU in a process of its own, so that several can take turns on one machine: whatever else it is busy with, and
/// however fast it is at the moment, then hits all of them alike.
class Turns {
 public:
  Turns(const std::string& program, const Task& task, const std::optional<memory::BudgetOptions>& budget);
  /// Runs steps without timing them: how many plans there have been since the beginning; none when the steps do not fit.
  std::optional<int> settle(int steps);
  /// One more step, which finds caches and transfers as other processes left them, and then `steps` whose seconds are given; none
  /// when they do not fit any more.
  std::vector<double> take(int steps);
  Ran finish();

 private:
  struct Answer {
    int plans;
    std::vector<double> seconds;
  };
  std::optional<Answer> ask(int steps, int settling);
  Peer peer_;
};

/// What the process of a Turns does, when the program's arguments say that it is one: its exit status.
std::optional<int> serve_turns(int argc, char** argv);

}  // namespace tasuki::benchmark
