#include "kernels/random.hpp"

#include "kernels/math.hpp"
#include "kernels/philox_tile.hpp"

// One tile is philox_tile_words elements; its words live in registers and the first-level cache.

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

/// ln(x) for normal x > 0, to 1 ulp or so.
[[gnu::always_inline]] inline float log_positive(float x) {
  const std::uint32_t shifted = functors::TASUKI_ISA::bits_as<std::uint32_t>(x) - 0x3f3504f3u;  // sqrt(1/2)
  const auto exponent = static_cast<float>(static_cast<std::int32_t>(shifted) >> 23);
  const float mantissa = functors::TASUKI_ISA::bits_as<float>((shifted & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
  return functors::TASUKI_ISA::logarithm_series(mantissa, exponent);
}

/// Cosine and sine of 2 pi word / 2^32. The nearest quarter turn and the rest come out of the word exactly.
[[gnu::always_inline]] inline void cos_sin_turn(std::uint32_t word, float& cosine, float& sine) {
  const std::uint32_t quadrant = (word + 0x20000000u) >> 30;
  const auto rest = static_cast<std::int32_t>(word - (quadrant << 30));
  const float x = static_cast<float>(rest) * (1.57079632679489662f * 0x1p-30f);
  const float z = x * x;
  const float s = x + x * z * (-1.6666654611e-1f + z * (8.3321608736e-3f + z * -1.9515295891e-4f));
  const float c = 1.0f - 0.5f * z + z * z * (4.166664568298827e-2f + z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
  const bool odd = quadrant & 1u;
  const float cos_magnitude = odd ? s : c;
  const float sin_magnitude = odd ? c : s;
  cosine = (quadrant == 1u || quadrant == 2u) ? -cos_magnitude : cos_magnitude;
  sine = quadrant >= 2u ? -sin_magnitude : sin_magnitude;
}

void words(PhiloxState state, std::int64_t first, std::int64_t tiles, std::uint32_t* out) {
  for (std::int64_t t = 0; t < tiles; ++t)
    make_philox_tile(state, static_cast<std::uint64_t>((first + t) * philox_tile_blocks), out + t * philox_tile_words);
}

void uniform(PhiloxState state, std::int64_t first, std::int64_t tiles, float* out) {
  std::uint32_t tile[philox_tile_words];
  for (std::int64_t t = 0; t < tiles; ++t, out += philox_tile_words) {
    words(state, first + t, 1, tile);
    for (int i = 0; i < philox_tile_words; ++i) out[i] = uniform_float(tile[i]);
  }
}

void normal(PhiloxState state, std::int64_t first, std::int64_t tiles, float* out) {
  std::uint32_t tile[philox_tile_words];
  for (std::int64_t t = 0; t < tiles; ++t, out += philox_tile_words) {
    words(state, first + t, 1, tile);
    for (int i = 0; i < philox_tile_words; i += 2) {
      // (0, 1], finer near 0 where the logarithm is steep: radii reach 6.7
      const float u = static_cast<float>(static_cast<std::int32_t>(tile[i] >> 1)) * 0x1p-31f + 0x1p-32f;
      const float radius = __builtin_sqrtf(-2.0f * log_positive(u));
      float cosine, sine;
      cos_sin_turn(tile[i + 1], cosine, sine);
      out[i] = radius * cosine;
      out[i + 1] = radius * sine;
    }
  }
}

}  // namespace

const RandomTiles random_tiles{uniform, normal, words};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
