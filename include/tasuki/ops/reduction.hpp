#pragma once
#include <cstdint>

namespace tasuki {

/// What a loss makes of its per-element or per-sample values: their mean, their sum, or the values themselves.
enum class Reduction : std::uint8_t { mean, sum, none };

/// "mean", "sum", "none".
constexpr const char* name_of(Reduction r) {
  return r == Reduction::mean ? "mean" : r == Reduction::sum ? "sum" : "none";
}

}  // namespace tasuki
