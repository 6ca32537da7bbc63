#pragma once
#include <cstdint>
#include <type_traits>

namespace tasuki::kernels {

namespace detail {
void run_chunks(std::int64_t n, std::int64_t grain, void (*body)(void* context, std::int64_t begin, std::int64_t end), void* context);
}

/// Calls f(begin, end) for consecutive chunks of `grain` indices that cover 0..n, on several threads when there are several
/// chunks. Chunks depend on n and grain alone, so what is computed per chunk does not depend on the number of threads. Calls from
/// inside a chunk run serially. The first exception is rethrown when all chunks have ended. Choose the grain so that a chunk is
/// worth 20 us or more: waking a thread costs 1 to 3 us.
template <class F>
[[gnu::always_inline]] inline void parallel_for(std::int64_t n, std::int64_t grain, F&& f) {
  using Body = std::remove_reference_t<F>;
  detail::run_chunks(n, grain, [](void* context, std::int64_t begin, std::int64_t end) { (*static_cast<Body*>(context))(begin, end); },
                     const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace tasuki::kernels
