#pragma once
// For *.simd.cpp only. Rows of cheap ops that staged rows would spend on their stages: halves, and f32 and f64 where one of two operands
// repeats an element. A vector of elements is brought into registers, computed there and stored from there.
#include <cstdint>
#include <type_traits>

#include "kernels/halves.hpp"
#include "kernels/staged_row.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

/// Of the type that elements are computed in: a vector of AVX-512.
template <class C>
inline constexpr int register_lanes = 64 / static_cast<int>(sizeof(C));

template <class C>
[[gnu::always_inline]] inline void widen(const C* from, C* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i];
}
template <class C>
[[gnu::always_inline]] inline void narrow(const C* from, C* to, std::int64_t n) {
  widen(from, to, n);
}

/// An operand of a row: elements side by side, or one that repeats.
template <class T>
struct DenseElements {
  const T* elements;
  [[gnu::always_inline]] void get(std::int64_t at, std::int64_t n, compute_type<T>* to) const { widen(elements + at, to, n); }
};
template <class C>
struct RepeatedNumber {
  C value;
  [[gnu::always_inline]] void get(std::int64_t, std::int64_t, C* to) const {
    for (int i = 0; i < register_lanes<C>; ++i) to[i] = value;
  }
};

/// f of each element of the operands. Those of a block are read before anything is stored, so the output may be one of them.
template <class F, class T, class... Operands>
[[gnu::always_inline]] inline void register_loop(std::int64_t n, T* to, F f, Operands... operands) {
  using C = compute_type<T>;
  constexpr int lanes = register_lanes<C>, count = sizeof...(Operands);
  const auto block = [&](std::int64_t at, std::int64_t m) __attribute__((always_inline)) {
    C in[count][lanes] = {}, result[lanes];
    int next = 0;
    (operands.get(at, m, in[next++]), ...);
    for (int i = 0; i < lanes; ++i) {
      if constexpr (count == 1) result[i] = f(in[0][i]);
      else result[i] = f(in[0][i], in[1][i]);
    }
    narrow(result, to + at, m);
  };
  std::int64_t at = 0;
  for (; at + lanes <= n; at += lanes) block(at, lanes);
  if (at < n) block(at, n - at);
}

/// The RowFunction of F on two operands of T; parameters are a StagedCall, whose loop serves all other strides.
template <class F, class T>
void register_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  using C = compute_type<T>;
  const StagedCall& call = *static_cast<const StagedCall*>(parameters);
  bool repeats[2], fits = strides[0] == 1;
  for (int k = 0; k < 2; ++k) {
    repeats[k] = (call.scalar_operands >> k & 1u) || strides[k + 1] == 0;
    fits &= repeats[k] || strides[k + 1] == 1;
  }
  const bool none = !repeats[0] && !repeats[1], both = repeats[0] && repeats[1];
  if (!fits || both || (none && !is_half<T>)) return staged_row_for(dtype_of<T>, 2, false)(n, operands, strides, parameters);
  const auto dense = [&](int k) { return DenseElements<T>{reinterpret_cast<const T*>(operands[k + 1])}; };
  const auto repeated = [&](int k) {
    const char* element = operands[k + 1];
    const bool number = call.scalar_operands >> k & 1u;
    return RepeatedNumber<C>{number ? *reinterpret_cast<const C*>(element) : static_cast<C>(*reinterpret_cast<const T*>(element))};
  };
  const auto f = [](C a, C b) __attribute__((always_inline)) { return F::f(a, b); };
  T* to = reinterpret_cast<T*>(operands[0]);
  if (none) register_loop(n, to, f, dense(0), dense(1));
  else if (repeats[0]) register_loop(n, to, f, repeated(0), dense(1));
  else register_loop(n, to, f, dense(0), repeated(1));
}

/// Null for integers.
template <class F>
RowFunction register_row_for(DType dtype) {
  switch (dtype) {
    case DType::f32: return &register_row<F, float>;
    case DType::f64: return &register_row<F, double>;
    case DType::bf16: return &register_row<F, bfloat16>;
    case DType::f16: return &register_row<F, float16>;
    default: return nullptr;
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
