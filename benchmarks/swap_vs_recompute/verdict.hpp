#pragma once
#include <string>
#include <vector>

#include "benchmarks/swap_vs_recompute/largest.hpp"
#include "benchmarks/swap_vs_recompute/row.hpp"

namespace tasuki::benchmark {

/// Collects all rows, and says at the end which targets are met and where the others are missed.
class Verdict {
 public:
  void see(const Row& row) { rows_.push_back(row); }
  /// Prints it, and adds it to the report.
  void see(const Largest& largest, Report& report);
  /// Returns false when something is wrong that may never be: a budget violated, bits that differ.
  bool print(Report& report) const;

 private:
  std::vector<Row> rows_;
  std::vector<Largest> largest_;
};

}  // namespace tasuki::benchmark
