#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/swap_vs_recompute/row.hpp"
#include "tasuki/memory/budget.hpp"

namespace tasuki::benchmark {

/// Steps that ran. Times are by the wall clock on the CPU, and by the virtual clock on a simulated device.
struct Ran {
  bool fits = false;               ///< false: OutOfMemory, which says
  std::string why;
  std::vector<double> seconds;     ///< of the steps after the first `settling_steps`
  std::uint64_t bits = 0;          ///< hash of the loss, gradients, parameters and buffers after the last step
  std::size_t peak = 0;
  memory::Report report;           ///< of the timed steps alone, as far as it counts what they moved
  std::uint64_t plans = 0;         ///< made during them
  std::string trace, plan;         ///< as JSON
};

/// Until a step is planned, and the plan has settled: on the CPU up to four plans are tried for three steps each.
inline int settling_steps(Device device) { return device.is_cpu() ? 15 : 5; }

/// Trains a task from its beginning for so many steps; without `budget` nothing watches.
Ran run_steps(const Task& task, Device device, const std::optional<memory::BudgetOptions>& budget, int steps);

struct RealSettings {
  std::vector<double> phis;
  double seconds_of_keep = 1.5;  ///< that the timed steps of a run take about, with everything kept
  int most_steps = 20;
};
/// The task under each policy at each phi, on the CPU ("cpu") or on a simulated device of a profile ("sim"); with everything kept
/// it runs again before each phi, so that a machine that changes its speed changes both.
std::vector<Row> real_curve(const Task& task, const std::string& how, const std::string& profile, const RealSettings& settings);

}  // namespace tasuki::benchmark
