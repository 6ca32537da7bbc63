#pragma once
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <type_traits>
#include <vector>

#include "tasuki/tensor/tensor.hpp"

/// Tensors from values, and tensors of one value.
///
///     auto a = ts::tensor({1.0f, 2.0f});                     // f32[2]
///     auto b = ts::tensor({{1.0, 2.0}, {3.0, 4.0}});         // f64[2, 2]
///     auto c = ts::from(pixels, {28, 28});                   // std::vector<float> pixels, copied
///     auto d = ts::zeros({64, 784});                         // f32
///     auto e = ts::arange(10);                               // i64[10]
namespace tasuki {

/// As TensorOptions, where what is not given follows from the values (tensor, from, arange, randint) or from the other tensor
/// (zeros_like, ...).
struct InferredOptions {
  std::optional<DType> dtype{};
  std::optional<Device> device{};
  bool requires_grad = false;
};

namespace detail {

/// Throws ShapeError unless all sizes are at least 0 and the bytes can be counted.
void check_allocatable(const Shape& shape, DType dtype);
/// A copy of row-major host values of type `values_are`, converted to options.dtype, else to `natural`.
Tensor from_host(const void* values, const Shape& shape, DType values_are, DType natural, const InferredOptions& options,
                 SourceLocation at);
[[noreturn]] void ragged_list(std::int64_t row, std::int64_t expected, std::int64_t actual, SourceLocation at);
[[noreturn]] void too_large_for_i64(unsigned long long value, SourceLocation at);
void check_value_count(std::int64_t values, const Shape& shape, SourceLocation at);

/// The element type in which a C++ number is stored: itself where a dtype exists, else the next wider one that does.
template <class T>
using stored_as = std::conditional_t<is_element<T>, T, std::conditional_t<std::is_integral_v<T>, std::int64_t, double>>;

template <class T>
inline constexpr bool is_value = is_element<T> || std::is_arithmetic_v<T>;

/// Plain `int` is what integer literals are, so it means i64, the type of labels and indices; i32 is asked for by name.
template <class T>
inline constexpr DType natural_dtype = std::is_same_v<T, int> ? DType::i64 : dtype_of<stored_as<T>>;

/// Values one after the other as bytes of their dtype; std::vector<bool> would pack them.
template <class T>
class FlatValues {
 public:
  explicit FlatValues(std::size_t count) { values_.reserve(count); }
  void push(T value, SourceLocation at) {
    if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T> && sizeof(T) == 8)
      if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max())) too_large_for_i64(value, at);
    values_.push_back(static_cast<Stored>(value));
  }
  Tensor shaped(const Shape& shape, DType natural, const InferredOptions& options, SourceLocation at) const {
    return from_host(values_.data(), shape, dtype_of<stored_as<T>>, natural, options, at);
  }

 private:
  using Stored = std::conditional_t<std::is_same_v<T, bool>, unsigned char, stored_as<T>>;
  std::vector<Stored> values_;
};

template <class List>
void check_row(const List& row, std::int64_t index, std::int64_t expected, SourceLocation at) {
  if (static_cast<std::int64_t>(row.size()) != expected) ragged_list(index, expected, static_cast<std::int64_t>(row.size()), at);
}

}  // namespace detail

/// A 0-d tensor. The dtype follows the C++ type: float f32, double f64, bool bool, unsigned char u8, bfloat16 bf16, float16 f16,
/// and i64 for the other integers, plain `int` among them (as in PyTorch; `{.dtype = ts::i32}` gives i32).
template <class T>
  requires(detail::is_value<T>)
Tensor tensor(T value, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current()) {
  detail::FlatValues<T> flat(1);
  flat.push(value, at);
  return flat.shaped(Shape(), detail::natural_dtype<T>, options, at);
}
/// A vector from a list of numbers.
template <class T>
  requires(detail::is_value<T>)
Tensor tensor(std::initializer_list<T> list, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current()) {
  detail::FlatValues<T> flat(list.size());
  for (const T& value : list) flat.push(value, at);
  return flat.shaped(Shape(list.size()), detail::natural_dtype<T>, options, at);
}
/// A matrix from a list of rows. Throws ShapeError when the rows differ in length.
template <class T>
  requires(detail::is_value<T>)
Tensor tensor(std::initializer_list<std::initializer_list<T>> rows, const InferredOptions& options = {},
              SourceLocation at = SourceLocation::current()) {
  const auto columns = static_cast<std::int64_t>(rows.size() ? rows.begin()->size() : 0);
  detail::FlatValues<T> flat(rows.size() * static_cast<std::size_t>(columns));
  std::int64_t index = 0;
  for (const auto& row : rows) {
    detail::check_row(row, index++, columns, at);
    for (const T& value : row) flat.push(value, at);
  }
  return flat.shaped({index, columns}, detail::natural_dtype<T>, options, at);
}
/// Three dimensions from a list of matrices.
template <class T>
  requires(detail::is_value<T>)
Tensor tensor(std::initializer_list<std::initializer_list<std::initializer_list<T>>> matrices, const InferredOptions& options = {},
              SourceLocation at = SourceLocation::current()) {
  const auto rows = static_cast<std::int64_t>(matrices.size() ? matrices.begin()->size() : 0);
  const auto columns = static_cast<std::int64_t>(rows ? matrices.begin()->begin()->size() : 0);
  detail::FlatValues<T> flat(matrices.size() * static_cast<std::size_t>(rows * columns));
  std::int64_t outer = 0;
  for (const auto& matrix : matrices) {
    detail::check_row(matrix, outer++, rows, at);
    std::int64_t inner = 0;
    for (const auto& row : matrix) {
      detail::check_row(row, inner++, columns, at);
      for (const T& value : row) flat.push(value, at);
    }
  }
  return flat.shaped({outer, rows, columns}, detail::natural_dtype<T>, options, at);
}

/// A copy of `values`, row-major in `shape`. The dtype is the vector's own: std::vector<int> gives i32. Throws ShapeError when the
/// numbers of elements differ.
template <class T>
  requires(is_element<T>)
Tensor from(const std::vector<T>& values, const Shape& shape, const InferredOptions& options = {},
            SourceLocation at = SourceLocation::current()) {
  detail::check_value_count(static_cast<std::int64_t>(values.size()), shape, at);
  if constexpr (std::is_same_v<T, bool>) {
    detail::FlatValues<bool> flat(values.size());
    for (bool value : values) flat.push(value, at);
    return flat.shaped(shape, DType::boolean, options, at);
  } else {
    return detail::from_host(values.data(), shape, dtype_of<T>, dtype_of<T>, options, at);
  }
}
/// The same in one dimension.
template <class T>
  requires(is_element<T>)
Tensor from(const std::vector<T>& values, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current()) {
  return from(values, Shape(values.size()), options, at);
}
template <class T>
  requires(is_element<T>)
Tensor tensor(const std::vector<T>& values, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current()) {
  return from(values, options, at);
}
/// A copy of shape.numel() elements at `values`.
template <class T>
  requires(is_element<T>)
Tensor from(const T* values, const Shape& shape, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current()) {
  return detail::from_host(values, shape, dtype_of<T>, dtype_of<T>, options, at);
}

/// A CPU tensor over memory of the caller's, row-major, without a copy: writes are seen on both sides. `release(data)` is called when
/// the last tensor over it goes; without one the memory must outlive them all. When this throws, the memory is still the caller's.
Tensor from_blob(void* data, const Shape& shape, DType dtype, Callback<void(void*)> release = {},
                 SourceLocation at = SourceLocation::current());
template <class T>
  requires(is_element<T>)
Tensor from_blob(T* data, const Shape& shape, Callback<void(void*)> release = {}, SourceLocation at = SourceLocation::current()) {
  return from_blob(static_cast<void*>(data), shape, dtype_of<T>, static_cast<Callback<void(void*)>&&>(release), at);
}

/// Uninitialized elements.
Tensor empty(const Shape& shape, const TensorOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor zeros(const Shape& shape, const TensorOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor ones(const Shape& shape, const TensorOptions& options = {}, SourceLocation at = SourceLocation::current());
/// All elements `value`, which dtype f32 takes unless the options name another.
Tensor full(const Shape& shape, double value, const TensorOptions& options = {}, SourceLocation at = SourceLocation::current());

/// Shape, dtype, device and (where it is dense) memory layout of `like`; not its place on the tape.
Tensor empty_like(const Tensor& like, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor zeros_like(const Tensor& like, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor ones_like(const Tensor& like, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor full_like(const Tensor& like, double value, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current());

namespace detail {
Tensor arange_integers(std::int64_t start, std::int64_t end, std::int64_t step, const InferredOptions& options, SourceLocation at);
Tensor arange_reals(double start, double end, double step, const InferredOptions& options, SourceLocation at);
}  // namespace detail

/// start, start + step, ... while before `end`: ceil((end - start) / step) elements. i64 when all arguments are integers, else f32,
/// unless the options name a dtype; element i is start + i * step, computed in f64 and then rounded. Throws ValueError for a step of
/// zero or away from `end`, and for values that the dtype cannot hold.
template <class A, class B, class S = int>
  requires(std::is_arithmetic_v<A> && std::is_arithmetic_v<B> && std::is_arithmetic_v<S>)
Tensor arange(A start, B end, S step = 1, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current()) {
  if constexpr (std::is_integral_v<A> && std::is_integral_v<B> && std::is_integral_v<S>)
    return detail::arange_integers(static_cast<std::int64_t>(start), static_cast<std::int64_t>(end), static_cast<std::int64_t>(step), options, at);
  else
    return detail::arange_reals(static_cast<double>(start), static_cast<double>(end), static_cast<double>(step), options, at);
}
template <class B>
  requires(std::is_arithmetic_v<B>)
Tensor arange(B end, const InferredOptions& options = {}, SourceLocation at = SourceLocation::current()) {
  return arange(B(0), end, 1, options, at);
}

/// `steps` numbers from start to end, both included, evenly spaced; computed in f64 from the nearer end, then rounded (integer
/// dtypes: truncated). One step gives start, none an empty tensor.
Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options = {}, SourceLocation at = SourceLocation::current());
/// base to the powers linspace(start, end, steps). Floating dtypes.
Tensor logspace(double start, double end, std::int64_t steps, double base = 10, const TensorOptions& options = {},
                SourceLocation at = SourceLocation::current());

/// Ones on the main diagonal, zeros elsewhere: [rows, columns], square when columns is not given.
Tensor eye(std::int64_t rows, std::optional<std::int64_t> columns = {}, const TensorOptions& options = {},
           SourceLocation at = SourceLocation::current());

}  // namespace tasuki
