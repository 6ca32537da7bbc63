#pragma once
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/philox.hpp"
#include "tasuki/core/view.hpp"

/// Random numbers into a view of any strides. Element i (row-major) is a function of the state and i alone, so that results depend
/// neither on the number of threads nor on the memory layout. `words` says how many words of the stream a call uses.
///
/// Transcendental results (normal, truncated normal) agree between instruction sets to rounding; the others bit for bit.
namespace tasuki::kernels::cpu {

/// [low, high) in f32, f64, bf16 or f16; never `high`, whatever the rounding. One word per element, two for f64.
void uniform(const View& out, PhiloxState state, double low, double high);
std::uint64_t uniform_words(DType dtype, std::int64_t numel);

/// Box-Muller: elements 2k and 2k+1 are the cosine and sine of one draw. One word per element, two for f64.
void normal(const View& out, PhiloxState state, double mean, double std);
std::uint64_t normal_words(DType dtype, std::int64_t numel);

/// The normal distribution cut off outside [low, high], by its inverse. Two words per element.
void truncated_normal(const View& out, PhiloxState state, double mean, double std, double low, double high);

/// x plus draws of the standard Gumbel distribution, -ln(-ln(1 - u)) of uniform numbers that are the same for every dtype. Floating dtypes.
/// One word per element.
void add_gumbel(const View& x, const View& out, PhiloxState state);

/// 1 with probability p, else 0, in any dtype. One word per element.
void bernoulli(const View& out, PhiloxState state, double p);
/// The same with a probability for each element, of out's shape and floating dtype. Returns false when one is not in [0, 1].
[[nodiscard]] bool bernoulli(const View& out, const View& probability, PhiloxState state);

/// low, ..., low + range - 1, equally likely to within 2^-32, in any dtype. Two words per element; four when the range passes 2^32.
void random_integers(const View& out, PhiloxState state, std::int64_t low, std::uint64_t range);
std::uint64_t random_integer_words(std::uint64_t range, std::int64_t numel);

/// A permutation of 0..n-1: the indices sorted by a 64-bit random key each. Two words per element; out is contiguous i64.
void permutation(std::int64_t* out, std::int64_t n, PhiloxState state);

/// The vectorized part, one copy per instruction set: whole tiles of philox_tile_words numbers each, from tile `first` on.
struct RandomTiles {
  void (*uniform)(PhiloxState state, std::int64_t first, std::int64_t tiles, float* out);
  void (*normal)(PhiloxState state, std::int64_t first, std::int64_t tiles, float* out);
  void (*words)(PhiloxState state, std::int64_t first, std::int64_t tiles, std::uint32_t* out);
};
TASUKI_PER_ISA(extern const RandomTiles random_tiles)

}  // namespace tasuki::kernels::cpu
