#include "kernels/sum_sources.hpp"

#include <algorithm>
#include <cstring>

#include "tasuki/core/error.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::kernels::cpu {

namespace {

template <class F>
void visit(DType dtype, const F& f) {
  switch (dtype) {
    case DType::f32: return f(float{}, float{});
    case DType::f64: return f(double{}, double{});
    case DType::bf16: return f(bfloat16{}, float{});
    case DType::f16: return f(float16{}, float{});
    case DType::i64: return f(std::int64_t{}, std::int64_t{});
    case DType::i32: return f(std::int32_t{}, std::int32_t{});
    default: TASUKI_THROW(DTypeError, "expected  f32, f64, bf16, f16, i64 or i32 to sum over processes\nactual    ", dtype);
  }
}

}  // namespace

void sum_sources(const void* const* sources, std::size_t source_count, std::int64_t count, DType dtype, void* sum) {
  visit(dtype, [&]<class T, class Sum>(T, Sum) {
    constexpr std::int64_t block = 2048;  // of sums, which stay in the first cache while the sources pass
    for (std::int64_t begin = 0; begin < count; begin += block) {
      const std::int64_t n = std::min(block, count - begin);
      Sum* __restrict to = static_cast<Sum*>(sum) + begin;
      for (std::size_t s = 0; s < source_count; ++s) {
        const T* __restrict from = static_cast<const T*>(sources[s]) + begin;
        if (s == 0)
          for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<Sum>(from[i]);
        else
          for (std::int64_t i = 0; i < n; ++i) to[i] += static_cast<Sum>(from[i]);
      }
    }
  });
}

void round_sum(const void* sum, std::int64_t count, DType dtype, void* data) {
  visit(dtype, [&]<class T, class Sum>(T, Sum) {
    const Sum* __restrict from = static_cast<const Sum*>(sum);
    T* __restrict to = static_cast<T*>(data);
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i]);
  });
}

}  // namespace tasuki::kernels::cpu
