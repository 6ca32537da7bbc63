#pragma once
#include <string>
#include <vector>

#include "benchmarks/swap_vs_recompute/workload.hpp"

namespace tasuki::benchmark {

/// The largest batch of ResNet-50, or the largest volume of 3D U-Net, that trains within a budget.
struct Largest {
  std::string how, machine;  ///< as in Row
  Task keep;                 ///< the largest with everything kept
  std::size_t budget = 0;
  double ceiling = 0;        ///< of the size, as a multiple of keep's: the largest whose largest single launch still fits
  double any_speed = 0;      ///< multiple that trains
  double fast = 0;           ///< multiple that trains at 0.6 of keep's speed per sample or voxel
  double speed_at_any = 0;   ///< per sample or voxel, of keep's, at that size
  std::string largest, largest_fast;  ///< those sizes in words
  bool confirmed = true;     ///< where steps ran: computing, the largest one trains and keeps within the budget with the right bits

  bool meets_any() const { return any_speed >= 0.8 * ceiling; }
  bool meets_fast() const { return fast >= 0.5 * ceiling; }
};

inline constexpr double fast_speed = 0.6;

/// By recording and planning alone.
Largest largest_simulated(const std::string& model, const std::string& profile, std::size_t budget);
/// By training under a budget on a simulated device: the search by the clock alone, what it finds then with all kernels.
Largest largest_on_sim(const std::string& model, const std::string& profile, std::size_t budget);

}  // namespace tasuki::benchmark
