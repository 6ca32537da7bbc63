#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace tasuki {

/// Element types. `boolean` is one byte, 0 or 1.
enum class DType : std::uint8_t { f32, f64, bf16, f16, i64, i32, u8, boolean };
inline constexpr int dtype_count = 8;

inline constexpr DType f32 = DType::f32, f64 = DType::f64, bf16 = DType::bf16, f16 = DType::f16;
inline constexpr DType i64 = DType::i64, i32 = DType::i32, u8 = DType::u8, bool_ = DType::boolean;

/// Bytes of one element.
constexpr std::size_t size_of(DType d) {
  constexpr std::uint8_t sizes[dtype_count] = {4, 8, 2, 2, 8, 4, 1, 1};
  return sizes[static_cast<int>(d)];
}
constexpr bool is_floating(DType d) { return d <= DType::f16; }
constexpr bool is_integral(DType d) { return !is_floating(d) && d != DType::boolean; }

/// "f32", "bf16", "bool", ...
constexpr const char* name_of(DType d) {
  constexpr const char* names[dtype_count] = {"f32", "f64", "bf16", "f16", "i64", "i32", "u8", "bool"};
  return names[static_cast<int>(d)];
}

/// The type in which sums of `d` are carried: f32 for f32, bf16, f16; f64 for f64; i64 for the integers and bool.
constexpr DType accumulate_type(DType d) {
  constexpr DType types[dtype_count] = {f32, f64, f32, f32, i64, i64, i64, i64};
  return types[static_cast<int>(d)];
}

struct bfloat16;
struct float16;

namespace detail {
template <class T>
constexpr int dtype_index() {
  if constexpr (std::is_same_v<T, float>) return 0;
  else if constexpr (std::is_same_v<T, double>) return 1;
  else if constexpr (std::is_same_v<T, bfloat16>) return 2;
  else if constexpr (std::is_same_v<T, float16>) return 3;
  else if constexpr (std::is_same_v<T, bool>) return 7;
  else if constexpr (std::is_integral_v<T> && sizeof(T) == 8 && std::is_signed_v<T>) return 4;
  else if constexpr (std::is_integral_v<T> && sizeof(T) == 4 && std::is_signed_v<T>) return 5;
  else if constexpr (std::is_same_v<T, unsigned char>) return 6;
  else return -1;
}
}  // namespace detail

/// True for the C++ types that are elements of a tensor.
template <class T>
inline constexpr bool is_element = detail::dtype_index<T>() >= 0;

/// The DType of a C++ element type: dtype_of<float> == f32; `long` and `long long` are both i64.
template <class T>
  requires is_element<T>
inline constexpr DType dtype_of = static_cast<DType>(detail::dtype_index<T>());

}  // namespace tasuki
