#include "kernels/copy.hpp"

#include <type_traits>

#include "kernels/halves.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

template <class T>
constexpr bool is_half = std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>;

template <class To, class From>
[[gnu::always_inline]] inline To converted(From v) {
  if constexpr (std::is_same_v<To, From>) return v;
  else if constexpr (std::is_same_v<To, bool>) {
    if constexpr (is_half<From>) return static_cast<float>(v) != 0.0f;
    else return v != From{};
  } else if constexpr (is_half<To>) {
    return To(static_cast<float>(v));
  } else if constexpr (is_half<From>) {
    return static_cast<To>(static_cast<float>(v));
  } else {
    return static_cast<To>(v);
  }
}

template <class From, class To>
void row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void*) {
  To* to = reinterpret_cast<To*>(operands[0]);
  const From* from = reinterpret_cast<const From*>(operands[1]);
  if (strides[0] == 1 && strides[1] == 1) {
    if constexpr (std::is_same_v<To, From>) {
      if (n) __builtin_memmove(to, from, static_cast<std::size_t>(n) * sizeof(To));
    } else if constexpr (std::is_same_v<To, float> && is_half<From>) {
      widen(from, to, n);
    } else if constexpr (is_half<To> && std::is_same_v<From, float>) {
      narrow(from, to, n);
    } else if constexpr (is_half<To> || is_half<From>) {  // through floats, which vectors convert
      constexpr std::int64_t block = 256;
      float values[block];
      for (std::int64_t at = 0; at < n; at += block) {
        const std::int64_t m = n - at < block ? n - at : block;
        if constexpr (is_half<From>) widen(from + at, values, m);
        else
          for (std::int64_t i = 0; i < m; ++i) values[i] = static_cast<float>(from[at + i]);
        if constexpr (is_half<To>) narrow(values, to + at, m);
        else
          for (std::int64_t i = 0; i < m; ++i) to[at + i] = converted<To>(values[i]);
      }
    } else {
      for (std::int64_t i = 0; i < n; ++i) to[i] = converted<To>(from[i]);
    }
  } else if (strides[0] == 1 && strides[1] == 0) {
    const To value = converted<To>(*from);
    if constexpr (is_half<To>) {  // compilers store objects of a class one by one
      const auto bits = __builtin_bit_cast(std::uint16_t, value);
      auto* words = reinterpret_cast<std::uint16_t*>(to);
      for (std::int64_t i = 0; i < n; ++i) words[i] = bits;
    } else {
      for (std::int64_t i = 0; i < n; ++i) to[i] = value;
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i * strides[0]] = converted<To>(from[i * strides[1]]);
  }
}

template <class From>
RowFunction row_from(DType to) {
  switch (to) {
    case DType::f32: return &row<From, float>;
    case DType::f64: return &row<From, double>;
    case DType::bf16: return &row<From, bfloat16>;
    case DType::f16: return &row<From, float16>;
    case DType::i64: return &row<From, std::int64_t>;
    case DType::i32: return &row<From, std::int32_t>;
    case DType::u8: return &row<From, std::uint8_t>;
    case DType::boolean: return &row<From, bool>;
  }
  return nullptr;
}

template <class T>
void transpose_elements(const char* from_bytes, std::int64_t from_stride, char* to_bytes, std::int64_t to_stride, std::int64_t rows, std::int64_t columns) {
  const T* from = reinterpret_cast<const T*>(from_bytes);
  T* to = reinterpret_cast<T*>(to_bytes);
  constexpr std::int64_t block = 16;
  for (std::int64_t c = 0; c < columns; c += block) {
    const std::int64_t width = columns - c < block ? columns - c : block;
    for (std::int64_t r = 0; r < rows; r += block) {
      const std::int64_t height = rows - r < block ? rows - r : block;
      // Through a small square: both sides then move in whole vectors.
      T square[block][block];
      for (std::int64_t j = 0; j < width; ++j)
        for (std::int64_t i = 0; i < height; ++i) square[i][j] = from[(c + j) * from_stride + r + i];
      for (std::int64_t i = 0; i < height; ++i)
        for (std::int64_t j = 0; j < width; ++j) to[(r + i) * to_stride + c + j] = square[i][j];
    }
  }
}

template <class T>
void reverse_elements(const void* from, void* to, std::int64_t n) {
  const T* source = static_cast<const T*>(from);
  T* target = static_cast<T*>(to);
  for (std::int64_t i = 0; i < n; ++i) target[i] = source[n - 1 - i];
}

}  // namespace

void reverse_row(const void* from, void* to, std::int64_t n, int size) {
  switch (size) {
    case 1: return reverse_elements<std::uint8_t>(from, to, n);
    case 2: return reverse_elements<std::uint16_t>(from, to, n);
    case 4: return reverse_elements<std::uint32_t>(from, to, n);
    default: return reverse_elements<std::uint64_t>(from, to, n);
  }
}

RowFunction copy_row(DType from, DType to) {
  switch (from) {
    case DType::f32: return row_from<float>(to);
    case DType::f64: return row_from<double>(to);
    case DType::bf16: return row_from<bfloat16>(to);
    case DType::f16: return row_from<float16>(to);
    case DType::i64: return row_from<std::int64_t>(to);
    case DType::i32: return row_from<std::int32_t>(to);
    case DType::u8: return row_from<std::uint8_t>(to);
    case DType::boolean: return row_from<bool>(to);
  }
  return nullptr;
}

void transpose_block(const char* from, std::int64_t from_stride, char* to, std::int64_t to_stride, std::int64_t rows, std::int64_t columns, int size) {
  switch (size) {
    case 1: return transpose_elements<std::uint8_t>(from, from_stride, to, to_stride, rows, columns);
    case 2: return transpose_elements<std::uint16_t>(from, from_stride, to, to_stride, rows, columns);
    case 4: return transpose_elements<std::uint32_t>(from, from_stride, to, to_stride, rows, columns);
    default: return transpose_elements<std::uint64_t>(from, from_stride, to, to_stride, rows, columns);
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
