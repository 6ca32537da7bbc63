#pragma once
#include <cstdint>

#include "tasuki/core/half.hpp"

/// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11): a keyed bijection of 128-bit
/// counters, so that the random number of an element is a function of its index and nothing else.
///
/// Tasuki's stream: the key is the seed, the counter is a 64-bit block number, and each block gives four 32-bit words. Word i of a
/// stream that starts at `offset` is word i % 4 of block offset + i / 4. An op draws its own range of blocks from a Generator
/// (tensor/random.hpp) and keeps the PhiloxState, so that a replay draws the same numbers.
///
/// Everything here is forced inline: these functions are compiled once per instruction set, and a shared out-of-line copy could be the
/// one that the machine at hand does not have.
#define TASUKI_PHILOX_INLINE TASUKI_HD [[gnu::always_inline]] inline

namespace tasuki {

/// A position in a stream of random numbers: the seed, and the number of the first block of four words.
struct PhiloxState {
  std::uint64_t seed = 0;
  std::uint64_t offset = 0;
  bool operator==(const PhiloxState&) const = default;
};

/// The four words of a block.
struct PhiloxWords {
  std::uint32_t word[4];
};

/// One of the ten rounds; the caller advances the key.
TASUKI_PHILOX_INLINE void philox_round(std::uint32_t& c0, std::uint32_t& c1, std::uint32_t& c2, std::uint32_t& c3, std::uint32_t k0,
                                       std::uint32_t k1) {
  const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0;
  const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2;
  c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
  c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
  c1 = static_cast<std::uint32_t>(p1);
  c3 = static_cast<std::uint32_t>(p0);
}
TASUKI_PHILOX_INLINE void philox_next_key(std::uint32_t& k0, std::uint32_t& k1) {
  k0 += 0x9E3779B9u;
  k1 += 0xBB67AE85u;
}

/// The bijection itself, on a full counter and key.
TASUKI_PHILOX_INLINE PhiloxWords philox4x32(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3, std::uint32_t k0,
                                            std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    philox_round(c0, c1, c2, c3, k0, k1);
    philox_next_key(k0, k1);
  }
  return {{c0, c1, c2, c3}};
}

/// The words of one block of a seed's stream.
TASUKI_PHILOX_INLINE PhiloxWords philox_block(std::uint64_t seed, std::uint64_t block) {
  return philox4x32(static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0u, 0u,
                    static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
}

/// Word `index` of a stream: for kernels that visit elements one by one.
TASUKI_PHILOX_INLINE std::uint32_t philox_word(PhiloxState state, std::uint64_t index) {
  return philox_block(state.seed, state.offset + index / 4).word[index % 4];
}

/// How many blocks philox_tile makes at once: two vectors of 32-bit lanes on AVX-512.
inline constexpr int philox_tile_blocks = 32;
inline constexpr int philox_tile_words = 4 * philox_tile_blocks;

/// Words [4 * first_block, 4 * first_block + philox_tile_words) of a stream, in order. All blocks take
/// each round together, in a form that compilers turn into vector code.
TASUKI_PHILOX_INLINE void philox_tile(PhiloxState state, std::uint64_t first_block, std::uint32_t* words) {
  std::uint32_t c0[philox_tile_blocks], c1[philox_tile_blocks], c2[philox_tile_blocks], c3[philox_tile_blocks];
  const std::uint64_t start = state.offset + first_block;
  for (int i = 0; i < philox_tile_blocks; ++i) {
    c0[i] = static_cast<std::uint32_t>(start + static_cast<std::uint64_t>(i));
    c1[i] = static_cast<std::uint32_t>((start + static_cast<std::uint64_t>(i)) >> 32);
    c2[i] = c3[i] = 0;
  }
  std::uint32_t k0 = static_cast<std::uint32_t>(state.seed), k1 = static_cast<std::uint32_t>(state.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < philox_tile_blocks; ++i) philox_round(c0[i], c1[i], c2[i], c3[i], k0, k1);
    philox_next_key(k0, k1);
  }
  for (int i = 0; i < philox_tile_blocks; ++i) {
    words[4 * i] = c0[i], words[4 * i + 1] = c1[i], words[4 * i + 2] = c2[i], words[4 * i + 3] = c3[i];
  }
}

/// 24 random bits as a float in [0, 1).
TASUKI_PHILOX_INLINE float uniform_float(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24f;
}
/// 53 random bits of two words as a double in [0, 1).
TASUKI_PHILOX_INLINE double uniform_double(std::uint32_t low, std::uint32_t high) {
  return static_cast<double>(static_cast<std::int64_t>(((std::uint64_t{high} << 32) | low) >> 11)) * 0x1p-53;
}
/// A word is below this value with probability p, to 32 bits; exact for p = 0 and p = 1. Compare as 64-bit numbers.
TASUKI_PHILOX_INLINE std::uint64_t bernoulli_threshold(double p) {
  return p <= 0 ? 0 : p >= 1 ? std::uint64_t{1} << 32 : static_cast<std::uint64_t>(p * 0x1p32 + 0.5);
}

}  // namespace tasuki

#undef TASUKI_PHILOX_INLINE
