#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/philox.hpp"

namespace tasuki {

/// What ops ask where a batch is spread over processes: set by data parallel training. All processes ask equally often, in the same
/// order.
class BatchCount {
 public:
  virtual ~BatchCount() = default;
  /// The sum of all processes' counts: what averaging losses divide by, asked while they are recorded.
  virtual double total(double mine) = 0;
  virtual int processes() const { return 1; }
  virtual int rank() const { return 0; }
  /// `all` receives the `count` numbers of each process, in the order of ranks: statistics of batch normalization.
  virtual void gather(const double* mine, std::size_t count, double* all);
};

/// Returns the one before; nullptr means that every batch is whole.
BatchCount* set_batch_count(BatchCount* count);

namespace detail {
/// Of a mean over `mine` elements or samples: what it is multiplied by to become this process' part of the mean over all of them.
/// 1 where no batch is spread, or nothing is recorded.
double share_of_batch(double mine);
bool batch_is_spread();
/// Who is asked, or nullptr where every batch is whole.
BatchCount* batch_count();
/// Random words for a mask over this process' part of a batch. Where batches are spread, each process draws from a subsequence of its
/// own, and the default stream moves on by the same on all of them, whatever their shares.
PhiloxState reserve_mask(std::uint64_t words);
}  // namespace detail

}  // namespace tasuki
