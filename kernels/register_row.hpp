#pragma once
// For *.simd.cpp only. Rows of cheap ops of two operands that staged rows would spend on their stages: halves, and f32 where one
// operand repeats an element. A vector of elements is brought into registers, computed there and stored from there.
#include <cstdint>
#include <type_traits>

#include "kernels/halves.hpp"
#include "kernels/staged_call.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

inline constexpr int register_lanes = 16;

[[gnu::always_inline]] inline void widen(const float* from, float* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i];
}
[[gnu::always_inline]] inline void narrow(const float* from, float* to, std::int64_t n) { widen(from, to, n); }

/// An operand of a row: elements side by side, or one that repeats.
template <class T>
struct DenseElements {
  const T* elements;
  [[gnu::always_inline]] void get(std::int64_t at, std::int64_t n, float* to) const { widen(elements + at, to, n); }
};
struct RepeatedNumber {
  float value;
  [[gnu::always_inline]] void get(std::int64_t, std::int64_t, float* to) const {
    for (int i = 0; i < register_lanes; ++i) to[i] = value;
  }
};

/// The operands of a block are read before anything is stored, so the output may be one of them.
template <class F, class A, class B, class T>
[[gnu::always_inline]] inline void register_loop(std::int64_t n, A a, B b, T* to) {
  const auto block = [&](std::int64_t at, std::int64_t m) __attribute__((always_inline)) {
    float x[register_lanes] = {}, y[register_lanes] = {}, result[register_lanes];
    a.get(at, m, x);
    b.get(at, m, y);
    for (int i = 0; i < register_lanes; ++i) result[i] = F::f(x[i], y[i]);
    narrow(result, to + at, m);
  };
  std::int64_t at = 0;
  for (; at + register_lanes <= n; at += register_lanes) block(at, register_lanes);
  if (at < n) block(at, n - at);
}

/// The RowFunction of F on two operands of T; parameters are a StagedCall, whose loop serves all other strides.
template <class F, class T>
void register_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  constexpr DType dtype = std::is_same_v<T, float> ? DType::f32 : std::is_same_v<T, bfloat16> ? DType::bf16 : DType::f16;
  const StagedCall& call = *static_cast<const StagedCall*>(parameters);
  bool repeats[2], fits = strides[0] == 1;
  for (int k = 0; k < 2; ++k) {
    repeats[k] = (call.scalar_operands >> k & 1u) || strides[k + 1] == 0;
    fits &= repeats[k] || strides[k + 1] == 1;
  }
  const bool none = !repeats[0] && !repeats[1], both = repeats[0] && repeats[1];
  if (!fits || both || (none && dtype == DType::f32)) return staged_row_for(dtype, 2, false)(n, operands, strides, parameters);
  const auto dense = [&](int k) { return DenseElements<T>{reinterpret_cast<const T*>(operands[k + 1])}; };
  const auto repeated = [&](int k) {
    const char* element = operands[k + 1];
    const bool number = call.scalar_operands >> k & 1u;
    return RepeatedNumber{number ? *reinterpret_cast<const float*>(element) : static_cast<float>(*reinterpret_cast<const T*>(element))};
  };
  T* to = reinterpret_cast<T*>(operands[0]);
  if (none) register_loop<F>(n, dense(0), dense(1), to);
  else if (repeats[0]) register_loop<F>(n, repeated(0), dense(1), to);
  else register_loop<F>(n, dense(0), repeated(1), to);
}

/// Null for the dtypes that are neither f32 nor halves.
template <class F>
RowFunction register_row_for(DType dtype) {
  switch (dtype) {
    case DType::f32: return &register_row<F, float>;
    case DType::bf16: return &register_row<F, bfloat16>;
    case DType::f16: return &register_row<F, float16>;
    default: return nullptr;
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
