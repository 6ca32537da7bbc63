#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

namespace tasuki {

inline constexpr int max_dims = 8;

/// Up to 8 sizes, held inline. Also used for strides and for lists of dimensions (aliases Strides, Dims).
class Shape {
 public:
  constexpr Shape() = default;
  /// A list of one: `sum(x, 1)` means `sum(x, {1})`.
  template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
  constexpr Shape(I single) : ndim_(1) {
    d_[0] = static_cast<std::int64_t>(single);
  }
  constexpr Shape(std::initializer_list<std::int64_t> list) : Shape(list.begin(), list.size()) {}
  Shape(const std::vector<std::int64_t>& list) : Shape(list.data(), list.size()) {}
  constexpr Shape(const std::int64_t* values, std::size_t count) {
    if (count > max_dims) too_many(count);
    ndim_ = static_cast<int>(count);
    for (int i = 0; i < ndim_; ++i) d_[i] = values[i];
  }
  /// `count` sizes, all `value`.
  static constexpr Shape filled(int count, std::int64_t value) {
    Shape s;
    for (int i = 0; i < count; ++i) s.push_back(value);
    return s;
  }

  constexpr int ndim() const { return ndim_; }
  constexpr std::size_t size() const { return static_cast<std::size_t>(ndim_); }
  constexpr bool empty() const { return ndim_ == 0; }
  constexpr std::int64_t operator[](int i) const { return d_[i]; }
  constexpr std::int64_t& operator[](int i) { return d_[i]; }
  constexpr const std::int64_t* data() const { return d_; }
  constexpr const std::int64_t* begin() const { return d_; }
  constexpr const std::int64_t* end() const { return d_ + ndim_; }
  constexpr std::int64_t* begin() { return d_; }
  constexpr std::int64_t* end() { return d_ + ndim_; }
  constexpr std::int64_t back() const { return d_[ndim_ - 1]; }
  constexpr void push_back(std::int64_t v) {
    if (ndim_ == max_dims) too_many(max_dims + 1);
    d_[ndim_++] = v;
  }
  void insert(int at, std::int64_t v);
  void erase(int at);

  /// Product of the sizes; 1 for no dimensions.
  constexpr std::int64_t numel() const {
    std::int64_t n = 1;
    for (int i = 0; i < ndim_; ++i) n *= d_[i];
    return n;
  }
  constexpr bool operator==(const Shape& o) const {
    if (ndim_ != o.ndim_) return false;
    for (int i = 0; i < ndim_; ++i)
      if (d_[i] != o.d_[i]) return false;
    return true;
  }
  /// "[2, 3]"; "[]" for no dimensions.
  std::string to_string() const;

 private:
  [[noreturn]] static void too_many(std::size_t count);
  std::int64_t d_[max_dims]{};
  int ndim_ = 0;
};

using Strides = Shape;
using Dims = Shape;

/// Row-major strides of a shape, in elements.
Strides contiguous_strides(const Shape& shape);

}  // namespace tasuki
