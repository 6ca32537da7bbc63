#pragma once
#include <cstdint>
#include <string>
#include <type_traits>

namespace tasuki {

/// A whole number for each spatial dimension, outermost first, or one number for all: `.stride = 2` and `.stride = {2, 1}`. An op
/// of three spatial dimensions takes one number or three.
class SpatialInts {
 public:
  template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
  constexpr SpatialInts(I all) : value_{static_cast<std::int64_t>(all)}, count_(1) {}
  constexpr SpatialInts(std::int64_t height, std::int64_t width) : value_{height, width}, count_(2) {}
  constexpr SpatialInts(std::int64_t depth, std::int64_t height, std::int64_t width) : value_{depth, height, width}, count_(3) {}

  constexpr int count() const { return count_; }
  constexpr std::int64_t operator[](int d) const { return value_[count_ == 1 ? 0 : d]; }
  constexpr bool operator==(const SpatialInts&) const = default;
  /// "2", "(2, 1)"
  std::string to_string() const {
    if (count_ == 1) return std::to_string(value_[0]);
    std::string text = "(" + std::to_string(value_[0]);
    for (int d = 1; d < count_; ++d) text += ", " + std::to_string(value_[d]);
    return text + ")";
  }

 private:
  std::int64_t value_[3] = {};
  int count_;
};

}  // namespace tasuki
