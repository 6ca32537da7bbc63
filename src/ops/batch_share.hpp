#pragma once
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/global_count.hpp"
#include "tasuki/ops/reduction.hpp"

namespace tasuki::ops {

/// A loss whose mean is over the global batch where that is spread over processes. `loss(reduction)` computes it for this process'
/// part; `count()` is what its own mean would divide by, and only asked for when it matters.
template <class Count, class Loss>
Tensor over_whole_batch(Reduction reduction, SourceLocation at, const Count& count, const Loss& loss) {
  if (reduction != Reduction::mean || !tasuki::detail::batch_is_spread()) return loss(reduction);
  const double mine = count();
  const double share = tasuki::detail::share_of_batch(mine);
  return loss(mine > 0 ? Reduction::mean : Reduction::sum) * Operand(share, at);
}

}  // namespace tasuki::ops
