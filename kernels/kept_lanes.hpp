#pragma once
#include "kernels/lanes.hpp"
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
};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
