#include "kernels/dropout.hpp"

#include "kernels/kept_lanes.hpp"
#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "kernels/philox_tile.hpp"
#include "kernels/visit_floating.hpp"
#include "kernels/walk.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t tile = philox_tile_words;
constexpr std::int64_t tiles_per_chunk = 192;

/// Words first, first + stride, ... of the stream, `tile` of them: each is drawn with the other three of its block.
void scattered_words(PhiloxState state, std::int64_t first, std::int64_t stride, std::uint32_t* words) {
  constexpr int n = philox_tile_blocks;
  for (int begin = 0; begin < tile; begin += n) {
    std::uint32_t c0[n], c1[n], c2[n] = {}, c3[n] = {}, which[n];
    for (int i = 0; i < n; ++i) {
      const std::uint64_t index = static_cast<std::uint64_t>(first + (begin + i) * stride), block = state.offset + index / 4;
      c0[i] = static_cast<std::uint32_t>(block);
      c1[i] = static_cast<std::uint32_t>(block >> 32);
      which[i] = static_cast<std::uint32_t>(index % 4);
    }
    std::uint32_t k0 = static_cast<std::uint32_t>(state.seed), k1 = static_cast<std::uint32_t>(state.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      for (int i = 0; i < n; ++i) philox_round(c0[i], c1[i], c2[i], c3[i], k0, k1);
      philox_next_key(k0, k1);
    }
    for (int i = 0; i < n; ++i) words[begin + i] = which[i] == 0 ? c0[i] : which[i] == 1 ? c1[i] : which[i] == 2 ? c2[i] : c3[i];
  }
}

template <class T, bool accumulate>
void run(const View& x, const View& y, double p, PhiloxState state, std::uint8_t* kept) {
  using A = compute_t<T>;
  std::int64_t row_major[8], step = 1;
  for (int d = x.ndim - 1; d >= 0; --d) {
    row_major[d] = step;
    step *= x.shape[d];
  }
  const Walk<3> walk(x.shape, x.ndim, -1, {y.strides, x.strides, row_major});
  const auto& s = walk.inner_stride;
  const Keep<A> keep(p);
  const std::int64_t tiles = (walk.inner + tile - 1) / tile;
  parallel_for(walk.count * tiles, tiles_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    std::uint32_t words[tile];
    for (std::int64_t t = begin; t < end; ++t) {
      const auto at = walk.run(t / tiles);
      const std::int64_t first = t % tiles * tile, n = walk.inner - first < tile ? walk.inner - first : tile;
      const std::int64_t number = at.offset[2] + first * s[2];
      if (s[2] == 1 && number % 4 == 0) make_philox_tile(state, static_cast<std::uint64_t>(number / 4), words);
      else scattered_words(state, number, s[2], words);
      if (kept) keep.pack(words, tile, kept + number / 8);
      const T* from = x.as<const T>() + at.offset[1] + first * s[1];
      T* to = y.as<T>() + at.offset[0] + first * s[0];
      each_vector<A>(n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
        Lanes<A> v = keep(words + i, load_strided(from + i * s[1], s[1], part));
        if constexpr (accumulate) v += load_strided<T>(to + i * s[0], s[0], part);
        store_strided(to + i * s[0], s[0], v, part);
      });
    }
  });
}

template <class T, bool accumulate>
void run_by_bits(const View& x, const std::uint8_t* kept, const View& y, double p) {
  using A = compute_t<T>;
  const Keep<A> keep(p);
  parallel_for(x.numel, tile * 4 * tiles_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    const T* from = x.as<const T>() + begin;
    T* to = y.as<T>() + begin;
    const std::uint8_t* bits = kept + begin / 8;
    each_vector<A>(end - begin, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
      Lanes<A> v = keep.by_bits(bits, i, load(from + i, part));
      if constexpr (accumulate) v += load(to + i, part);
      store(to + i, v, part);
    });
  });
}

}  // namespace

void dropout(const View& x, const View& y, double p, PhiloxState state, bool accumulate, std::uint8_t* kept) {
  if (x.numel == 0) return;
  visit_floating(x.dtype, [&](auto element) {
    using T = decltype(element);
    accumulate ? run<T, true>(x, y, p, state, kept) : run<T, false>(x, y, p, state, kept);
  });
}

void dropout_by_bits(const View& x, const std::uint8_t* kept, const View& y, double p, bool accumulate) {
  if (x.numel == 0) return;
  visit_floating(x.dtype, [&](auto element) {
    using T = decltype(element);
    accumulate ? run_by_bits<T, true>(x, kept, y, p) : run_by_bits<T, false>(x, kept, y, p);
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
