#pragma once
#include <cstdint>
#include <type_traits>

#include "kernels/dispatch.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::kernels {

/// A number as an element, or the other way round; halves go through f32.
template <class T, class V>
T converted_to(V value) {
  if constexpr (std::is_same_v<T, V>) return value;
  else if constexpr (sizeof(T) == 2 || sizeof(V) == 2) return static_cast<T>(static_cast<float>(value));
  else return static_cast<T>(value);
}

/// Calls f(T{}) with the C++ type of a dtype. For .cpp files; *.simd.cpp keep such code in their own namespace.
template <class F>
decltype(auto) visit_floating(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f(float{});
    case DType::f64: return f(double{});
    case DType::bf16: return f(bfloat16{});
    case DType::f16: return f(float16{});
    default: TASUKI_THROW(DTypeError, "expected  f32, f64, bf16 or f16\nactual    ", dtype);
  }
}

template <class F>
decltype(auto) visit_integral(DType dtype, F&& f) {
  switch (dtype) {
    case DType::i64: return f(std::int64_t{});
    case DType::i32: return f(std::int32_t{});
    case DType::u8: return f(std::uint8_t{});
    default: TASUKI_THROW(DTypeError, "expected  i64, i32 or u8\nactual    ", dtype);
  }
}

template <class F>
decltype(auto) visit_all(DType dtype, F&& f) {
  if (is_floating(dtype)) return visit_floating(dtype, f);
  if (dtype == DType::boolean) return f(bool{});
  return visit_integral(dtype, f);
}

/// The type of indices: i64 or i32, as the ops have checked.
template <class F>
decltype(auto) visit_index(DType dtype, F&& f) {
  if (dtype == DType::i64) return f(std::int64_t{});
  return f(std::int32_t{});
}

/// An unsigned type as large as an element: moving elements takes no more of a dtype.
template <class F>
decltype(auto) visit_size(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1: return f(std::uint8_t{});
    case 2: return f(std::uint16_t{});
    case 4: return f(std::uint32_t{});
    default: return f(std::uint64_t{});
  }
}

}  // namespace tasuki::kernels
