#pragma once
#include <string>
#include <vector>

#include "benchmarks/swap_vs_recompute/row.hpp"

namespace tasuki::benchmark {

/// The curves of one machine, a panel for each model: step-time ratio against phi, a line for each policy and for the lower bound.
void draw(const std::string& path, const std::vector<std::vector<Row>>& curves);

}  // namespace tasuki::benchmark
