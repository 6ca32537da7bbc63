#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/copy.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// The planes of an operand [n, c, w], [n, c, h, w] or [n, c, d, h, w] of any strides, one at a time in the form that kernels take:
/// row-major, and of `as` (f32 for the halves). Planes that are so already are used in place, others go through a buffer of one plane.
/// A Planes is used by one thread.
class Planes {
 public:
  Planes(const View& v, DType as) : view_(v), as_(as) {
    for (int d = 2; d < v.ndim; ++d) pixels_ *= v.size(d);
    in_place_ = v.dtype == as && has_row_major_planes();
    if (!in_place_) buffer_.resize(static_cast<std::size_t>(pixels_) * size_of(as));
  }
  std::int64_t count() const { return view_.size(0) * view_.size(1); }
  std::int64_t pixels() const { return pixels_; }

  /// The elements of a plane.
  void* read(std::int64_t plane) {
    if (in_place_) return address(plane);
    move(plane, false);
    return buffer_.data();
  }
  /// Room for the elements of a plane; `write` puts them where they belong.
  void* room(std::int64_t plane) { return in_place_ ? address(plane) : buffer_.data(); }
  void* zeros(std::int64_t plane) {
    void* p = room(plane);
    std::memset(p, 0, static_cast<std::size_t>(pixels_) * size_of(as_));
    return p;
  }
  void write(std::int64_t plane) {
    if (!in_place_) move(plane, true);
  }

 private:
  bool has_row_major_planes() const {
    std::int64_t expected = 1;
    for (int d = view_.ndim - 1; d >= 2; --d) {
      if (view_.size(d) != 1 && view_.stride(d) != expected) return false;
      expected *= view_.size(d);
    }
    return true;
  }
  char* address(std::int64_t plane) const {
    const std::int64_t channels = view_.size(1);
    return static_cast<char*>(view_.data) + (plane / channels * view_.stride(0) + plane % channels * view_.stride(1)) * static_cast<std::int64_t>(size_of(view_.dtype));
  }
  /// From the operand to the buffer, or back.
  void move(std::int64_t plane, bool back) {
    const bool whole = has_row_major_planes();
    const std::int64_t width = whole ? pixels_ : view_.size(-1), stride = whole ? 1 : view_.stride(-1);
    const std::int64_t height = view_.ndim > 3 ? view_.size(-2) : 1, element = static_cast<std::int64_t>(size_of(view_.dtype));
    const std::int64_t rows = width ? pixels_ / width : 0;
    char* buffer = buffer_.data();
    for (std::int64_t r = 0; r < rows; ++r, buffer += width * static_cast<std::int64_t>(size_of(as_))) {
      const std::int64_t offset = whole || view_.ndim == 3 ? 0 : r % height * view_.stride(-2) + (view_.ndim == 5 ? r / height * view_.stride(-3) : 0);
      char* there = address(plane) + offset * element;
      if (back) convert_row(as_, buffer, 1, view_.dtype, there, stride, width);
      else convert_row(view_.dtype, there, stride, as_, buffer, 1, width);
    }
  }

  View view_;
  DType as_;
  std::int64_t pixels_ = 1;
  bool in_place_ = false;
  std::vector<char> buffer_;
};

}  // namespace tasuki::kernels::cpu
