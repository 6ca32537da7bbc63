#pragma once

namespace tasuki {

/// What averaging losses divide by where a batch is spread over processes: set by data parallel training, asked while a loss is
/// recorded. All processes ask equally often, in the same order.
class BatchCount {
 public:
  virtual ~BatchCount() = default;
  /// The sum of all processes' counts.
  virtual double total(double mine) = 0;
};

/// Returns the one before; nullptr means that every batch is whole.
BatchCount* set_batch_count(BatchCount* count);

namespace detail {
/// Of a mean over `mine` elements or samples: what it is multiplied by to become this process' part of the mean over all of them.
/// 1 where no batch is spread, or nothing is recorded.
double share_of_batch(double mine);
bool batch_is_spread();
}  // namespace detail

}  // namespace tasuki
