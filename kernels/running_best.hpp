#pragma once
#include <cstdint>

#include "kernels/math.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

/// The best element of a line so far, and where it is.
template <class T>
struct RunningBest {
  T best;
  std::int64_t where;
};

/// to[i] = where the best of the elements up to x[i] is, in a line without gaps of which x[0] is element `position`. A new best is rare:
/// most runs of elements have none, and are looked at together.
template <class T, class IsBetter>
[[gnu::always_inline]] inline void positions_of_best(const T* x, std::int64_t n, std::int64_t position, RunningBest<T>& state, std::int64_t* to, IsBetter is_better) {
  constexpr std::int64_t run = 16;
  auto [best, where] = state;
  for (std::int64_t first = 0; first < n; first += run) {
    const std::int64_t count = n - first < run ? n - first : run;
    int found = count < run ? 1 : 0;
    if (!found)
      for (std::int64_t i = 0; i < run; ++i) found |= static_cast<int>(is_better(x[first + i], best)) | static_cast<int>(x[first + i] != x[first + i]);
    if (!found) {
      for (std::int64_t i = 0; i < run; ++i) to[first + i] = where;
      continue;
    }
    for (std::int64_t i = first; i < first + count; ++i) {
      if (is_better(x[i], best) || x[i] != x[i]) {  // nothing compares with a NaN: it stays
        best = x[i];
        where = position + i;
      }
      to[i] = where;
    }
  }
  state = {best, where};
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
