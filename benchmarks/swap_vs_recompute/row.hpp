#pragma once
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/support/report.hpp"
#include "benchmarks/swap_vs_recompute/workload.hpp"
#include "tasuki/memory/policy.hpp"

namespace tasuki::benchmark {

/// A network under one policy within one budget: a line of the tables, an object of the JSON, a point of the curves.
struct Row {
  std::string how;      ///< "simulated": a recorded trace through planner and simulator; "sim", "cpu": steps that ran there
  std::string machine;  ///< whose clock: a device profile, or "this machine"
  Task task;
  memory::Policy policy{};
  double phi = 1;  ///< (budget - floor) / (peak - floor)
  std::size_t budget = 0, keep_peak = 0, floor = 0;

  bool planned = true;            ///< false: plans of larger budgets took too long already
  bool feasible = false;
  double ratio = HUGE_VAL;        ///< of a step's time to that of the same step with everything kept
  double ratio_low = HUGE_VAL, ratio_high = HUGE_VAL;  ///< quartiles, where it was measured
  double lower_bound = NAN;       ///< of the ratio, whatever the plan
  double predicted_ratio = NAN;   ///< the plan's own, where steps ran
  std::size_t peak = 0;
  std::size_t bytes_out = 0, bytes_in = 0, bytes_dropped = 0;  ///< of a step
  double replayed_ops = 0;        ///< of a step
  double plan_seconds = 0;        ///< of one plan
  double plans = 0;               ///< made in the timed steps
  std::size_t launches = 0, storages = 0, largest_storage = 0;
  double forced_departures = 0;   ///< of a step: what no plan foresaw
  std::optional<bool> bitwise;    ///< losses, gradients and parameters as with everything kept

  bool within_budget() const { return !feasible || peak <= budget; }
};

inline constexpr memory::Policy policies[] = {memory::Policy::swap, memory::Policy::recompute, memory::Policy::automatic};

void add_to(Report& report, const Row& row);
/// The rows of one task on one machine as a table: a line for each phi, a column for each policy.
void print_table(const std::vector<Row>& rows);
/// The budget of a phi.
inline std::size_t budget_at(double phi, std::size_t floor, std::size_t peak) {
  return floor + static_cast<std::size_t>(std::ceil(phi * static_cast<double>(peak - floor)));
}
/// "1.043", or "-" where nothing fits.
std::string ratio_text(double ratio);
std::string bytes_text(std::size_t bytes);

}  // namespace tasuki::benchmark
