#pragma once
#include <cstddef>
#include <cstdio>
#include <string>

namespace tasuki::memory {

/// "512 B", "1.50 MiB": a byte count as reports and errors show it.
inline std::string byte_text(std::size_t bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 6) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.2f %s", value, units[unit]);
  return text;
}

}  // namespace tasuki::memory
