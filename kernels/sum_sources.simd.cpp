#include "kernels/sum_sources.hpp"

#include <type_traits>

#include "kernels/halves.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

constexpr std::int64_t block = 2048;  // of sums, which stay in the first cache while the sources pass

template <bool first, class T, class Sum>
[[gnu::always_inline]] inline void add(const T* from, std::int64_t n, Sum* sums) {
  if constexpr (std::is_same_v<T, float16>) {
    float wide[block];
    widen(from, wide, n);
    add<first>(wide, n, sums);
  } else {
    for (std::int64_t i = 0; i < n; ++i) sums[i] = first ? static_cast<Sum>(from[i]) : sums[i] + static_cast<Sum>(from[i]);
  }
}

template <class T, class Sum>
[[gnu::always_inline]] inline void round(const Sum* sums, std::int64_t n, T* to) {
  if constexpr (std::is_same_v<T, float16>) narrow(sums, to, n);
  else
    for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(sums[i]);
}

template <class T, class Sum>
void sum_blocks(const void* const* sources, std::size_t source_count, std::int64_t count, void* const* destinations, std::size_t destination_count, bool rounded) {
  alignas(64) Sum sums[block];
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t n = count - begin < block ? count - begin : block;
    const auto source = [&](std::size_t s) { return static_cast<const T*>(sources[s]) + begin; };
    add<true>(source(0), n, sums);
    for (std::size_t s = 1; s < source_count; ++s) add<false>(source(s), n, sums);
    for (std::size_t d = 0; d < destination_count; ++d) {
      if (rounded) round(sums, n, static_cast<T*>(destinations[d]) + begin);
      else round(sums, n, static_cast<Sum*>(destinations[d]) + begin);
    }
  }
}

}  // namespace

void sum_dense(const void* const* sources, std::size_t source_count, std::int64_t count, DType dtype, void* const* destinations, std::size_t destination_count, bool rounded) {
  switch (dtype) {
    case DType::f32: return sum_blocks<float, float>(sources, source_count, count, destinations, destination_count, rounded);
    case DType::f64: return sum_blocks<double, double>(sources, source_count, count, destinations, destination_count, rounded);
    case DType::bf16: return sum_blocks<bfloat16, float>(sources, source_count, count, destinations, destination_count, rounded);
    case DType::f16: return sum_blocks<float16, float>(sources, source_count, count, destinations, destination_count, rounded);
    case DType::i64: return sum_blocks<std::int64_t, std::int64_t>(sources, source_count, count, destinations, destination_count, rounded);
    case DType::i32: return sum_blocks<std::int32_t, std::int32_t>(sources, source_count, count, destinations, destination_count, rounded);
    default: return;
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
