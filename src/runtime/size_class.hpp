#pragma once
#include <bit>
#include <cstddef>

namespace tasuki {

inline constexpr std::size_t granule = 64, small_block = 1024;
inline constexpr int small_classes = small_block / granule, classes_per_power = 8, size_classes = small_classes + 54 * classes_per_power;

/// Up to 1 KiB in steps of 64 bytes, then 8 sizes per power of two: at most 12.5 % of a block is unused.
struct SizeClass {
  int index;
  std::size_t bytes;
};
inline SizeClass size_class(std::size_t bytes) {
  if (bytes <= small_block) {
    const std::size_t units = (bytes + granule - 1) / granule;
    return {static_cast<int>(units) - 1, units * granule};
  }
  const int exponent = std::bit_width(bytes - 1) - 1;  // 2^exponent < bytes <= 2^(exponent + 1)
  const std::size_t unit = (std::size_t{1} << exponent) / classes_per_power;
  const std::size_t units = (bytes + unit - 1) / unit;
  return {small_classes + (exponent - 10) * classes_per_power + static_cast<int>(units) - classes_per_power - 1, units * unit};
}

inline std::size_t bytes_of_class(std::size_t i) {
  if (i < small_classes) return (i + 1) * granule;
  const std::size_t j = i - small_classes;
  return ((std::size_t{1} << (j / classes_per_power + 10)) / classes_per_power) * (j % classes_per_power + classes_per_power + 1);
}

}  // namespace tasuki
