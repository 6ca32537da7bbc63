#pragma once
// For *.simd.cpp only. Arrays of halves to f32 and back: f16 with the processor's own conversions, which compilers do not find by
// themselves. They round as the scalar types do, to nearest even; a NaN stays a NaN. (AVX-512's own rounding to bf16 flushes subnormals.)
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

[[gnu::always_inline]] inline void widen(const bfloat16* from, float* to, std::int64_t n) {
  std::int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16) {
    const __m512i bits = _mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
    _mm512_storeu_si512(to + i, _mm512_maskz_slli_epi32(0xffff, bits, 16));
  }
#endif
  for (; i < n; ++i) to[i] = static_cast<float>(from[i]);
}

[[gnu::always_inline]] inline void narrow(const float* from, bfloat16* to, std::int64_t n) {
  std::int64_t i = 0;
#if defined(__AVX512F__)
  const __m512i half = _mm512_set1_epi32(0x7fff), one = _mm512_set1_epi32(1), last = _mm512_set1_epi32(0x10000), quiet = _mm512_set1_epi32(0x400000);
  typedef std::int16_t Words __attribute__((vector_size(64)));
  for (; i + 16 <= n; i += 16) {
    const __m512 v = _mm512_loadu_ps(from + i);
    const __m512i bits = _mm512_loadu_si512(from + i);
    const __mmask16 is_odd = _mm512_test_epi32_mask(bits, last), is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i down = _mm512_add_epi32(bits, half), even = _mm512_mask_add_epi32(down, is_odd, down, one);
    const __m512i rounded = _mm512_mask_or_epi32(even, is_nan, bits, quiet);
    const Words words = __builtin_bit_cast(Words, rounded);
    const auto upper = __builtin_shufflevector(words, words, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    __builtin_memcpy(static_cast<void*>(to + i), &upper, sizeof upper);
  }
#endif
  for (; i < n; ++i) to[i] = bfloat16(from[i]);
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
