#pragma once
#include <cstdint>
#include <optional>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// Throws IndexError that names the first value (row-major) which is neither in [0, bound) nor `ignored`, and its position:
///
///     expected  0 <= label < 10
///     actual    37 at target[5]
///
/// index: i64 or i32, any strides. `what` is what a value is ("label"), `operand` the tensor's name ("target").
void check_indices(const View& index, std::int64_t bound, const char* what, const char* operand,
                   std::optional<std::int64_t> ignored = {});

/// The same for numbers that count from the end where they are negative: throws for one that is not in [-bound, bound).
void check_indices_from_both_ends(const View& index, std::int64_t bound, const char* what, const char* operand);

/// Throws ValueError that names the first 0 of integral divisors, and its position.
void check_divisors(const View& divisors, const char* operand);

/// The indices of a run are all in [0, bound): the sign bit of v | (bound - 1 - v) is set for the others.
template <class I>
inline bool all_inside(std::int64_t bound, const I* at, std::int64_t stride, std::int64_t n) {
  const auto last = static_cast<std::uint64_t>(bound - 1);
  std::uint64_t signs = 0;
  const auto look = [&](I value) {
    const auto v = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    signs |= v | (last - v);
  };
  if (stride == 1) {
    for (std::int64_t i = 0; i < n; ++i) look(at[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) look(at[i * stride]);
  }
  return !(signs >> 63);
}

}  // namespace tasuki::kernels::cpu
