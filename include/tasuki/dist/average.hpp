#pragma once
#include <cstdint>

#include "tasuki/dist/world.hpp"

namespace tasuki::dist {

/// A mean over examples that are spread over the processes of a world, as one process would have it: sums and counts are added, and
/// divided once. Shares may differ, and be empty.
///
///     ts::dist::Average accuracy{world};
///     for (auto [x, t] : ts::data::Loader(&test, {.global_batch = 500, .shard = world}))
///       accuracy.add(right_of(net(x), t), x.size(0));
///     if (double mean = accuracy.value(); world.rank() == 0) std::printf("%.4f\n", mean);
class Average {
 public:
  explicit Average(const World& world) : world_(world) {}
  /// What `count` examples of this process have together: correct answers, or a mean loss times the count.
  void add(double total, std::int64_t count) {
    total_ += total;
    count_ += count;
  }
  /// Called by all processes. NaN where nobody had an example.
  double value() const { return world_.sum(total_) / world_.sum(static_cast<double>(count_)); }

 private:
  World world_;
  double total_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace tasuki::dist
