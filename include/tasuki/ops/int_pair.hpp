#pragma once
#include <cstdint>
#include <string>
#include <type_traits>

namespace tasuki {

/// A number per spatial dimension, height first. One number stands for both: `.stride = 2` and `.stride = {2, 1}`.
struct IntPair {
  std::int64_t h = 0, w = 0;
  constexpr IntPair() = default;
  template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
  constexpr IntPair(I both) : h(static_cast<std::int64_t>(both)), w(static_cast<std::int64_t>(both)) {}
  constexpr IntPair(std::int64_t height, std::int64_t width) : h(height), w(width) {}
  constexpr bool operator==(const IntPair&) const = default;
  /// "(2, 1)"
  std::string to_string() const { return "(" + std::to_string(h) + ", " + std::to_string(w) + ")"; }
};

}  // namespace tasuki
