#pragma once
#include <string>
#include <vector>

#include "tasuki/data/dataset.hpp"
#include "tasuki/dist/world.hpp"

namespace tasuki::dist {

/// Jain's index of fairness, (sum x)^2 / (n sum x^2): 1 when all are equal, 1 / n when one has everything. 1 for zeros.
double jain_index(const std::vector<double>& x);

/// What each rank had of an epoch.
struct BalanceReport {
  std::vector<double> samples, bytes, seconds;
  /// "balance over 4 processes (Jain's index): samples 1.0000, bytes 1.0000, seconds 0.9968"
  std::string to_string() const;
  /// Samples per second of each rank, for Loader::set_shares; the mean of the others where one had no sample.
  std::vector<double> speeds() const;
};

/// Compares the work of the processes, epoch by epoch:
///
///     ts::dist::Balance balance{world};
///     for (...) {
///       for (auto& batch : loader) { balance.count(batch); ... }
///       std::puts(balance.end_epoch().to_string().c_str());
///     }
///
/// Seconds are those since the last epoch's end that a process did not spend waiting for the others.
class Balance {
 public:
  explicit Balance(const World& world);
  void count(const data::Batch& batch);
  /// Called by all processes; the next epoch starts.
  BalanceReport end_epoch();

 private:
  void begin();
  World world_;
  double samples_ = 0, bytes_ = 0, started_ = 0, waited_ = 0;
};

}  // namespace tasuki::dist
