#include "tasuki/ops/global_count.hpp"

#include <atomic>

#include "tasuki/autograd/grad_mode.hpp"

namespace tasuki {

namespace {
std::atomic<BatchCount*> current{nullptr};
}  // namespace

BatchCount* set_batch_count(BatchCount* count) { return current.exchange(count); }

bool detail::batch_is_spread() { return current.load(std::memory_order_relaxed) && grad_enabled(); }

double detail::share_of_batch(double mine) {
  if (!batch_is_spread()) return 1;
  const double total = current.load()->total(mine);
  return total > 0 ? mine / total : 0;
}

}  // namespace tasuki
