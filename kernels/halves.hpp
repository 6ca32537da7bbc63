#pragma once
// For *.simd.cpp only. f16 arrays to f32 and back with the processor's own conversions, which compilers do not find by themselves.
// They round as float16 does, to nearest even; a NaN stays a NaN.
#include <cstdint>

#include "tasuki/core/half.hpp"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace tasuki::kernels::cpu::TASUKI_ISA {

[[gnu::always_inline]] inline void widen(const float16* from, float* to, std::int64_t n) {
  std::int64_t i = 0;
#if defined(__AVX512F__)  // masks of all lanes: GCC 12 warns of uninitialized values inside the unmasked forms
  for (; i + 16 <= n; i += 16) _mm512_storeu_ps(to + i, _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i))));
#endif
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
#endif
  for (; i < n; ++i) to[i] = static_cast<float>(from[i]);
}

[[gnu::always_inline]] inline void narrow(const float* from, float16* to, std::int64_t n) {
  std::int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_maskz_cvtps_ph(0xffff, _mm512_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
  for (; i < n; ++i) to[i] = float16(from[i]);
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
