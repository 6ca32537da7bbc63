#pragma once
#include <cstdint>

#include "tasuki/core/philox.hpp"

namespace tasuki {

/// A position in a stream of random numbers that advances as numbers are drawn. A stream is a seed's sequence of 32-bit words
/// (core/philox.hpp), so that the state is two integers: save it with a checkpoint, and set it to go on where a run stopped.
///
///     ts::Generator generator(7);
///     ts::PhiloxState from = generator.reserve(n);   // n words; word i is philox_word(from, i)
///
/// Drawing from one generator on several threads is safe: each gets words of its own, in an order that is up to them.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) : state_{seed, 0} {}
  Generator(const Generator& other) : state_(other.state()) {}
  Generator& operator=(const Generator& other) {
    set_state(other.state());
    return *this;
  }

  /// Sets `words` 32-bit words aside for the caller and returns where they start; the generator moves past them. Counted in whole
  /// blocks of four words: (words + 3) / 4.
  PhiloxState reserve(std::uint64_t words) {
    const std::uint64_t seed = __atomic_load_n(&state_.seed, __ATOMIC_RELAXED);
    return {seed, __atomic_fetch_add(&state_.offset, words / 4 + (words % 4 != 0), __ATOMIC_RELAXED)};
  }

  /// Starts the stream of another seed at its beginning.
  void seed(std::uint64_t seed) { set_state({seed, 0}); }
  PhiloxState state() const {
    return {__atomic_load_n(&state_.seed, __ATOMIC_RELAXED), __atomic_load_n(&state_.offset, __ATOMIC_RELAXED)};
  }
  void set_state(PhiloxState state) {
    __atomic_store_n(&state_.seed, state.seed, __ATOMIC_RELAXED);
    __atomic_store_n(&state_.offset, state.offset, __ATOMIC_RELAXED);
  }

 private:
  PhiloxState state_;
};

/// The stream that random functions, initializers and dropout draw from unless they are given another. It starts at seed 0, so
/// that a program without manual_seed repeats itself too.
Generator& default_generator();

/// Restarts the default stream from a seed: the program draws the same numbers in every run.
void manual_seed(std::uint64_t seed);

}  // namespace tasuki
