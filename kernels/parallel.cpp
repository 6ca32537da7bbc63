#include "kernels/parallel.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "tasuki/core/error.hpp"
#include "tasuki/runtime/threads.hpp"

#if defined(__SANITIZE_THREAD__)
#define TASUKI_THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TASUKI_THREAD_SANITIZED 1
#endif
#endif
#if defined(TASUKI_THREAD_SANITIZED)
#include <sanitizer/tsan_interface.h>
#endif

namespace tasuki {

int num_threads() { return omp_get_max_threads(); }

void set_num_threads(int count) {
  TASUKI_CHECK_OP(ValueError, count, >=, 1, "set_num_threads takes the number of threads that kernels may use");
  omp_set_num_threads(count);
}

namespace kernels::detail {

namespace {

// OpenMP runtimes are not instrumented: without these words the thread sanitizer sees neither that threads start after what was done
// before a parallel region nor that they end before what follows it.
#if defined(TASUKI_THREAD_SANITIZED)
#define TASUKI_UNINSTRUMENTED __attribute__((no_sanitize("thread")))
void comes_after(void* event) { __tsan_acquire(event); }
void comes_before(void* event) { __tsan_release(event); }
#else
#define TASUKI_UNINSTRUMENTED
void comes_after(void*) {}
void comes_before(void*) {}
#endif

}  // namespace

TASUKI_UNINSTRUMENTED
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
  char start, end;
  comes_before(&start);
#pragma omp parallel for schedule(static)
  for (std::int64_t c = 0; c < chunks; ++c) {
    comes_after(&start);
    if (failed.load(std::memory_order_relaxed)) continue;
    try {
      body(context, c * grain, std::min(n, (c + 1) * grain));
    } catch (...) {
      if (!failed.exchange(true)) first = std::current_exception();
    }
    comes_before(&end);
  }
  comes_after(&end);
  if (first) std::rethrow_exception(first);
}

}  // namespace kernels::detail
}  // namespace tasuki
