#include "kernels/parallel.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "tasuki/core/error.hpp"
#include "tasuki/runtime/threads.hpp"

namespace tasuki {

int num_threads() { return omp_get_max_threads(); }

void set_num_threads(int count) {
  TASUKI_CHECK_OP(ValueError, count, >=, 1, "set_num_threads takes the number of threads that kernels may use");
  omp_set_num_threads(count);
}

namespace kernels::detail {

void run_chunks(std::int64_t n, std::int64_t grain, void (*body)(void*, std::int64_t, std::int64_t), void* context) {
  if (n <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t chunks = (n + grain - 1) / grain;
  if (chunks == 1) return body(context, 0, n);
  if (omp_get_max_threads() == 1 || omp_in_parallel()) {
    for (std::int64_t c = 0; c < chunks; ++c) body(context, c * grain, std::min(n, (c + 1) * grain));
    return;
  }
  std::exception_ptr first;
  std::atomic<bool> failed{false};
#pragma omp parallel for schedule(static)
  for (std::int64_t c = 0; c < chunks; ++c) {
    if (failed.load(std::memory_order_relaxed)) continue;
    try {
      body(context, c * grain, std::min(n, (c + 1) * grain));
    } catch (...) {
      if (!failed.exchange(true)) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace kernels::detail
}  // namespace tasuki
