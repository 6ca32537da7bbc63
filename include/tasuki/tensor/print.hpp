#pragma once
#include <cstdint>
#include <string>
#include <type_traits>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// How to_string writes a tensor; the defaults are NumPy's.
struct PrintOptions {
  int precision = 8;               ///< digits behind the point at most; fewer where they tell a number from its neighbours
  std::int64_t threshold = 1000;   ///< more elements than this are summarized by "..."
  std::int64_t edge_items = 3;     ///< elements at each end of a dimension that a summary shows
  int line_width = 75;             ///< longer rows are wrapped
  bool suppress_small = false;     ///< never use scientific notation because numbers are small or far apart
};

/// The elements as NumPy's str() (of version 2.3 and later) shows an array of the same values: nested brackets, columns aligned,
/// scientific notation where the largest is 1e8 or more (f32: 1e6, f16 and bf16: 1e3), the smallest below 1e-4, or their ratio
/// above 1,000.
std::string to_string(const Tensor& tensor, const PrintOptions& options = {}, SourceLocation at = SourceLocation::current());

/// For any stream that takes text: std::cout << tensor. A template, so that no stream header is needed here.
template <class Stream>
  requires(requires(Stream& stream, const char* text) { stream << text; })
Stream& operator<<(Stream& stream, const Tensor& tensor) {
  stream << to_string(tensor).c_str();
  return stream;
}

/// The same for shapes, dtypes and devices.
template <class Stream, class T>
  requires(requires(Stream& stream, const char* text) { stream << text; } &&
           (std::is_same_v<T, Shape> || std::is_same_v<T, DType> || std::is_same_v<T, Device>))
Stream& operator<<(Stream& stream, const T& value) {
  stream << detail::Text(value).str().c_str();
  return stream;
}

}  // namespace tasuki
