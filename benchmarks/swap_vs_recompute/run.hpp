#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/swap_vs_recompute/workload.hpp"
#include "tasuki/memory/budget.hpp"

namespace tasuki::benchmark {

/// What the timed steps of a run did, all together.
struct Moved {
  double bytes_out = 0, bytes_in = 0, bytes_dropped = 0, replayed_ops = 0;
  double replay_seconds = 0, exposed_seconds = 0;
  double forced_departures = 0;  ///< that no plan foresaw
  double plans = 0;              ///< made meanwhile
};

/// Steps that ran. Times are by the wall clock on the CPU, and by the virtual clock on a simulated device.
struct Ran {
  bool fits = false;               ///< false: OutOfMemory
  std::vector<double> seconds;     ///< of the timed steps
  std::uint64_t bits = 0;          ///< hash of the loss, gradients, parameters and buffers after the last step
  std::size_t peak = 0;
  Moved moved;
  double predicted_seconds = 0;    ///< of a step, by the plan of the last one; 0 without
  double plan_seconds = 0;         ///< that a plan took to make
  std::string trace;               ///< as JSON
};

/// Until a step is planned. On the CPU, plans are tried for fewer steps than these: without a new plan in as many, the last has settled.
inline int settling_steps(Device device) { return device.is_cpu() ? 14 : 5; }

/// A task in training, from its beginning; without `budget` nothing watches.
class Run {
 public:
  Run(const Task& task, Device device, const std::optional<memory::BudgetOptions>& budget);
  /// Says whether they fit; those after the first `settling` of all are timed.
  bool steps(int count, int settling = 0);
  /// That its budget has made so far.
  int plans() const { return budget_ ? static_cast<int>(budget_->report().plans) : 0; }
  const std::vector<double>& seconds() const { return ran_.seconds; }
  Ran finish();

 private:
  Device device_;
  std::optional<memory::Budget> budget_;
  std::unique_ptr<Training> training_;
  Tensor loss_;
  std::optional<memory::Report> settled_;  // when timing began
  Ran ran_;
};

/// So many steps, those timed after which a plan has settled.
Ran run_steps(const Task& task, Device device, const std::optional<memory::BudgetOptions>& budget, int steps);

}  // namespace tasuki::benchmark
