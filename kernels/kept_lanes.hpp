#pragma once
#include "kernels/lanes.hpp"
#if defined(__SSE2__)
#include <immintrin.h>
#endif
#include "tasuki/core/philox.hpp"

/// Dropout's decision from a stream of random words.
namespace tasuki::kernels::cpu::TASUKI_ISA {

/// The multiplier of what stays, and the test for it.
template <class A>
struct Keep {
  bool none;                ///< p = 1: nothing stays
  std::int32_t threshold;   // top bit flipped, for a signed comparison
  Lanes<A> scale;
  TASUKI_LANES explicit Keep(double p) {
    const std::uint64_t limit = bernoulli_threshold(p);
    none = limit >> 32;
    threshold = static_cast<std::int32_t>(static_cast<std::uint32_t>(limit) ^ 0x80000000u);
    scale = splat(none ? A(0) : static_cast<A>(1 / (1 - p)));
  }
  /// v * scale in the lanes whose word is at least the threshold, 0 elsewhere.
  TASUKI_LANES Lanes<A> operator()(const std::uint32_t* words, Lanes<A> v) const {
    using Words = typename detail::VectorOf<std::int32_t, 4 * width<A>>::type;
    const Words w = detail::load_raw<Words>(words) ^ static_cast<std::int32_t>(0x80000000u);
    const IntLanes<A> stays = __builtin_convertvector(w, IntLanes<A>) >= static_cast<detail::integer_as<A>>(threshold);
    v = stays ? v * scale : Lanes<A>{};
    return none ? Lanes<A>{} : v;
  }
  /// The decisions as bits, for `count` words: whole vectors of f32, and whole bytes.
  TASUKI_LANES void pack(const std::uint32_t* words, std::int64_t count, std::uint8_t* bits) const {
    using Signed = IntLanes<float>;
    constexpr int lanes = width<float>;
    for (std::int64_t i = 0; i < count; i += 16) {
      unsigned word = 0;
      for (int k = 0; k < 16 && !none; k += lanes) {
        const Signed w = detail::load_raw<Signed>(words + i + k) ^ static_cast<std::int32_t>(0x80000000u);
        word |= sign_bits(w >= threshold) << k;
      }
      bits[i / 8] = static_cast<std::uint8_t>(word);
      bits[i / 8 + 1] = static_cast<std::uint8_t>(word >> 8);
    }
  }
  /// v * scale in the lanes whose bit is set, from bit `first` on (a multiple of the width).
  TASUKI_LANES Lanes<A> by_bits(const std::uint8_t* bits, std::int64_t first, Lanes<A> v) const {
    using Integer = detail::integer_as<A>;
    constexpr int lanes = width<A>;
    unsigned word = bits[first / 8];
    if constexpr (lanes == 16) word |= static_cast<unsigned>(bits[first / 8 + 1]) << 8;
    else word >>= first % 8;
    IntLanes<A> lane{};
    for (int k = 0; k < lanes; ++k) lane[k] = Integer{1} << k;
    const IntLanes<A> stays = (lane & static_cast<Integer>(word)) != 0;
    return stays ? v * scale : Lanes<A>{};
  }

 private:
  /// The sign of each lane.
  TASUKI_LANES static unsigned sign_bits(IntLanes<float> v) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    return _mm512_movepi32_mask(__builtin_bit_cast(__m512i, v));
#elif defined(__AVX2__)
    return static_cast<unsigned>(_mm256_movemask_ps(__builtin_bit_cast(__m256, v)));
#elif defined(__SSE2__)
    return static_cast<unsigned>(_mm_movemask_ps(__builtin_bit_cast(__m128, v)));
#else
    unsigned bits = 0;
    for (int k = 0; k < width<float>; ++k) bits |= static_cast<unsigned>(v[k] < 0) << k;
    return bits;
#endif
  }
};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
