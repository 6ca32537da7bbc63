#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/dtype.hpp"

namespace tasuki {

/// What a kernel sees of an operand: an address and a layout, borrowed. No ownership, no tape. Strides count elements and may
/// be zero (broadcast) or negative. A default View means "not there" (an optional operand).
struct View {
  void* data = nullptr;
  const std::int64_t* shape = nullptr;
  const std::int64_t* strides = nullptr;
  std::int64_t numel = 0;
  DType dtype = DType::f32;
  std::uint8_t ndim = 0;
  bool present = false;
  bool contiguous = false;  ///< row-major without gaps

  explicit operator bool() const { return present; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  /// Sizes and strides from the front (d >= 0) or the back (d < 0).
  std::int64_t size(int d) const { return shape[d < 0 ? d + ndim : d]; }
  std::int64_t stride(int d) const { return strides[d < 0 ? d + ndim : d]; }
  std::size_t bytes() const { return static_cast<std::size_t>(numel) * size_of(dtype); }
};

}  // namespace tasuki
