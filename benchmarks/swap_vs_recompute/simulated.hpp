#pragma once
#include <functional>
#include <string>
#include <vector>

#include "benchmarks/swap_vs_recompute/row.hpp"
#include "tasuki/memory/plan.hpp"

namespace tasuki::benchmark {

/// A machine that is not there, by the profile of its GPU and links.
memory::Machine machine_named(const std::string& profile);
/// What a profile's GPU trains in: the V100 in f32, as the papers of its time did, the later ones in bf16.
DType dtype_on(const std::string& profile);

/// Seconds: where a plan takes longer, those of smaller budgets are left out.
inline constexpr double longest_planning = 10;
/// The recorded step of a task under each policy at each phi, planned and simulated, on `threads` threads.
std::vector<Row> simulated_curve(const Task& task, const std::string& profile, const memory::Trace& trace, const std::vector<double>& phis, int threads);

/// Calls work(0 .. count - 1), each once, on several threads.
void in_parallel(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace tasuki::benchmark
