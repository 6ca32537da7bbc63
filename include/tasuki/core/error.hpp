#pragma once
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "tasuki/core/device.hpp"
#include "tasuki/core/dtype.hpp"
#include "tasuki/core/shape.hpp"
#include "tasuki/core/source_location.hpp"

namespace tasuki {

/// What a user did that cannot work. The text has the form
///
///     ShapeError: linear in encoder.fc2
///       expected  x.size(-1) == weight.size(1)
///       actual    784 != 785
///       x: f32[64, 784] cpu   weight: f32[10, 785] cpu
///       called at train.cpp:41
///
/// where the check gives the middle, and the op that the exception passes through adds the rest.
class Error : public std::exception {
 public:
  explicit Error(std::string body) : Error("Error", std::move(body)) {}
  Error(const char* kind, std::string body);
  const char* what() const noexcept override { return text_.c_str(); }
  /// "ShapeError", ...
  const char* kind() const noexcept { return kind_; }
  /// The check's own lines, without op, operands and place.
  const std::string& body() const noexcept { return body_; }
  /// The op it passed through, or empty.
  const std::string& op() const noexcept { return op_; }

  /// Adds the op, its module path, a line of operands and the place; the innermost op wins, later calls change nothing.
  void add_op(std::string_view op, std::string_view module, std::string operands, SourceLocation at);
  /// Adds one more indented line at the end, such as a hint.
  void add_line(std::string line);

 private:
  void compose();
  const char* kind_;
  std::string body_, op_, module_, operands_, more_, text_;
  SourceLocation at_;
};

#define TASUKI_ERROR_KIND(Name, when)                                   \
  /** when */                                                           \
  class Name : public Error {                                           \
   public:                                                              \
    explicit Name(std::string body) : Error(#Name, std::move(body)) {}  \
  };
TASUKI_ERROR_KIND(ShapeError, "shapes or dimensions that do not fit")
TASUKI_ERROR_KIND(DTypeError, "an element type that the op does not take, or operands of different types")
TASUKI_ERROR_KIND(DeviceError, "operands on different devices, or a device that is not there")
TASUKI_ERROR_KIND(IndexError, "an index, label or dimension out of range")
TASUKI_ERROR_KIND(ValueError, "an argument whose value cannot work")
TASUKI_ERROR_KIND(AutogradError, "a tape that was used up, overwritten, or never recorded")
TASUKI_ERROR_KIND(OutOfMemory, "the device or its byte limit has no room")
TASUKI_ERROR_KIND(FileError, "a file that cannot be read, is malformed, or cannot be written")
TASUKI_ERROR_KIND(NanError, "anomaly mode met a NaN or an infinity")
TASUKI_ERROR_KIND(InternalError, "a bug of Tasuki's own; please report it")
#undef TASUKI_ERROR_KIND

namespace detail {

/// One piece of a message: anything that has a text.
class Text {
 public:
  Text(const char* s) : s_(s) {}
  Text(std::string_view s) : s_(s) {}
  Text(std::string s) : s_(std::move(s)) {}
  Text(const Shape& s) : s_(s.to_string()) {}
  Text(DType d) : s_(name_of(d)) {}
  Text(Device d) : s_(d.to_string()) {}
  Text(bool b) : s_(b ? "true" : "false") {}
  Text(double v);
  Text(float v) : Text(static_cast<double>(v)) {}
  template <class I>
    requires(std::is_integral_v<I>)
  Text(I v) : s_(std::to_string(v)) {}
  const std::string& str() const { return s_; }

 private:
  std::string s_;
};

/// The pieces, one after the other.
std::string concat(std::initializer_list<Text> pieces);

/// "expected  <expression>\nactual    <left> <opposite> <right>\n<hint>"
std::string expected(const char* left, const char* op, const char* right, const Text& a, const Text& b,
                     std::initializer_list<Text> hint);

}  // namespace detail
}  // namespace tasuki

/// Throws Kind with the condition as "expected" unless it holds. Further arguments are pieces of a sentence for the user.
#define TASUKI_CHECK(Kind, condition, ...)                                                                                \
  do {                                                                                                                    \
    if (!(condition)) [[unlikely]]                                                                                        \
      throw Kind(::tasuki::detail::concat({"expected  " #condition __VA_OPT__(, "\n", __VA_ARGS__)}));                    \
  } while (0)

/// Throws Kind with both expressions and both values unless `a op b`: TASUKI_CHECK_OP(ShapeError, x.size(1), ==, w.size(0), "hint").
#define TASUKI_CHECK_OP(Kind, a, op, b, ...)                                                                              \
  do {                                                                                                                    \
    const auto& tasuki_a_ = (a);                                                                                          \
    const auto& tasuki_b_ = (b);                                                                                          \
    if (!(tasuki_a_ op tasuki_b_)) [[unlikely]]                                                                           \
      throw Kind(::tasuki::detail::expected(#a, #op, #b, tasuki_a_, tasuki_b_, {__VA_ARGS__}));                           \
  } while (0)

/// Throws Kind with a sentence.
#define TASUKI_THROW(Kind, ...) throw Kind(::tasuki::detail::concat({__VA_ARGS__}))
