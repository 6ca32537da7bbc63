#pragma once
#include <string>
#include <vector>

#include "benchmarks/swap_vs_recompute/row.hpp"

namespace tasuki::benchmark {

struct RealSettings {
  std::string program;  ///< this one, to run steps in processes of their own
  std::vector<double> phis;
  double seconds_of_keep = 1.5;  ///< that the timed steps of a run take about, with everything kept
  int most_steps = 60;
};
/// The task under each policy at each phi, on the CPU ("cpu") or on a simulated device of a profile ("sim"). On the CPU keeping
/// everything and the policies take turns of a few steps each, and a ratio is that of two turns of one round.
std::vector<Row> real_curve(const Task& task, const std::string& how, const std::string& profile, const RealSettings& settings);

}  // namespace tasuki::benchmark
