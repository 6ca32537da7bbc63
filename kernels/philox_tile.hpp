#pragma once
// For *.simd.cpp only. philox_tile of core/philox.hpp in the processor's vectors.
#include <cstdint>

#include "tasuki/core/philox.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace tasuki::kernels::cpu::TASUKI_ISA {

#if defined(__SSE2__)

namespace detail {

/// As many blocks as there are 64-bit lanes. A lane holds a word in its low half; its high half is of no account, because products
/// and exclusive ors make low halves of low halves.
#if defined(__AVX512F__)
// GCC 12 warns of uninitialized values inside the unmasked forms of intrinsics; a mask of all lanes costs nothing.
using Blocks = __m512i;
[[gnu::always_inline]] inline Blocks spread(std::uint64_t v) { return _mm512_set1_epi64(static_cast<long long>(v)); }
[[gnu::always_inline]] inline Blocks product(Blocks a, Blocks b) { return _mm512_maskz_mul_epu32(0xff, a, b); }
[[gnu::always_inline]] inline Blocks high_half(Blocks a) { return _mm512_maskz_srli_epi64(0xff, a, 32); }
[[gnu::always_inline]] inline Blocks differ(Blocks a, Blocks b, Blocks c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
[[gnu::always_inline]] inline Blocks counters(std::uint64_t first) {
  return _mm512_add_epi64(spread(first), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
}
[[gnu::always_inline]] inline Blocks joined(Blocks low, Blocks high) { return _mm512_mask_blend_epi32(0xaaaa, low, _mm512_maskz_slli_epi64(0xff, high, 32)); }
[[gnu::always_inline]] inline void store_words(Blocks w01, Blocks w23, std::uint32_t* words) {
  _mm512_storeu_si512(words, _mm512_permutex2var_epi64(w01, _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), w23));
  _mm512_storeu_si512(words + 16, _mm512_permutex2var_epi64(w01, _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4), w23));
}
#elif defined(__AVX2__)
using Blocks = __m256i;
[[gnu::always_inline]] inline Blocks spread(std::uint64_t v) { return _mm256_set1_epi64x(static_cast<long long>(v)); }
[[gnu::always_inline]] inline Blocks product(Blocks a, Blocks b) { return _mm256_mul_epu32(a, b); }
[[gnu::always_inline]] inline Blocks high_half(Blocks a) { return _mm256_srli_epi64(a, 32); }
[[gnu::always_inline]] inline Blocks differ(Blocks a, Blocks b, Blocks c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }
[[gnu::always_inline]] inline Blocks counters(std::uint64_t first) { return _mm256_add_epi64(spread(first), _mm256_set_epi64x(3, 2, 1, 0)); }
[[gnu::always_inline]] inline Blocks joined(Blocks low, Blocks high) { return _mm256_blend_epi32(low, _mm256_slli_epi64(high, 32), 0xaa); }
[[gnu::always_inline]] inline void store_words(Blocks w01, Blocks w23, std::uint32_t* words) {
  const Blocks even = _mm256_unpacklo_epi64(w01, w23), odd = _mm256_unpackhi_epi64(w01, w23);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), _mm256_permute2x128_si256(even, odd, 0x20));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words + 8), _mm256_permute2x128_si256(even, odd, 0x31));
}
#else
using Blocks = __m128i;
[[gnu::always_inline]] inline Blocks spread(std::uint64_t v) { return _mm_set1_epi64x(static_cast<long long>(v)); }
[[gnu::always_inline]] inline Blocks product(Blocks a, Blocks b) { return _mm_mul_epu32(a, b); }
[[gnu::always_inline]] inline Blocks high_half(Blocks a) { return _mm_srli_epi64(a, 32); }
[[gnu::always_inline]] inline Blocks differ(Blocks a, Blocks b, Blocks c) { return _mm_xor_si128(_mm_xor_si128(a, b), c); }
[[gnu::always_inline]] inline Blocks counters(std::uint64_t first) { return _mm_add_epi64(spread(first), _mm_set_epi64x(1, 0)); }
[[gnu::always_inline]] inline Blocks joined(Blocks low, Blocks high) {
  return _mm_or_si128(_mm_and_si128(low, _mm_set1_epi64x(0xffffffff)), _mm_slli_epi64(high, 32));
}
[[gnu::always_inline]] inline void store_words(Blocks w01, Blocks w23, std::uint32_t* words) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm_unpacklo_epi64(w01, w23));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words + 4), _mm_unpackhi_epi64(w01, w23));
}
#endif

}  // namespace detail

/// The words of philox_tile_blocks blocks, in order. Several vectors go through the rounds side by side: a round waits for two products.
[[gnu::always_inline]] inline void make_philox_tile(PhiloxState state, std::uint64_t first_block, std::uint32_t* words) {
  using detail::Blocks;
  constexpr int lanes = static_cast<int>(sizeof(Blocks) / 8), together = 4;
  const Blocks m0 = detail::spread(0xD2511F53u), m1 = detail::spread(0xCD9E8D57u);
  for (int at = 0; at < philox_tile_blocks; at += lanes * together) {
    Blocks c0[together], c1[together], c2[together], c3[together];
    for (int v = 0; v < together; ++v) {
      c0[v] = detail::counters(state.offset + first_block + static_cast<std::uint64_t>(at + v * lanes));
      c1[v] = detail::high_half(c0[v]);
      c2[v] = c3[v] = detail::spread(0);
    }
    std::uint32_t k0 = static_cast<std::uint32_t>(state.seed), k1 = static_cast<std::uint32_t>(state.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const Blocks key0 = detail::spread(k0), key1 = detail::spread(k1);
      for (int v = 0; v < together; ++v) {
        const Blocks p0 = detail::product(c0[v], m0), p1 = detail::product(c2[v], m1);
        c0[v] = detail::differ(detail::high_half(p1), c1[v], key0);
        c2[v] = detail::differ(detail::high_half(p0), c3[v], key1);
        c1[v] = p1;
        c3[v] = p0;
      }
      philox_next_key(k0, k1);
    }
    for (int v = 0; v < together; ++v)
      detail::store_words(detail::joined(c0[v], c1[v]), detail::joined(c2[v], c3[v]), words + 4 * (at + v * lanes));
  }
}

#else

[[gnu::always_inline]] inline void make_philox_tile(PhiloxState state, std::uint64_t first_block, std::uint32_t* words) {
  philox_tile(state, first_block, words);
}

#endif

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
