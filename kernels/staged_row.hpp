#pragma once
// For *.simd.cpp only. Rows of an elementwise op, whatever the dtype and strides of its operands: the op itself is one loop over
// contiguous arrays of its compute type (f32 for the halves), and this is what brings operands into that form, a block at a
// time in the first-level cache. Dense f32, f64 and integer operands go to the loop directly.
#include <cstdint>
#include <type_traits>

#include "kernels/halves.hpp"
#include "kernels/staged_call.hpp"
#include "kernels/vectorize.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

template <class T>
inline constexpr bool is_half = std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>;
/// The type in which elements of T are computed.
template <class T>
using compute_type = std::conditional_t<is_half<T>, float, T>;

inline constexpr std::int64_t stage_elements = 1024;

template <class T, class C>
[[gnu::always_inline]] inline void stage_in(const T* from, std::int64_t stride, C* to, std::int64_t n) {
  if (stride == 1) {
    if constexpr (is_half<T>) widen(from, to, n);
    else
      for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<C>(from[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<C>(from[i * stride]);
  }
}

template <bool Add, class C, class T>
[[gnu::always_inline]] inline void stage_out(const C* from, T* to, std::int64_t stride, std::int64_t n) {
  if (stride == 1) {
    if constexpr (is_half<T> && !Add) narrow(from, to, n);
    else
      for (std::int64_t i = 0; i < n; ++i) to[i] = Add ? static_cast<T>(static_cast<C>(to[i]) + from[i]) : static_cast<T>(from[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      T& t = to[i * stride];
      t = Add ? static_cast<T>(static_cast<C>(t) + from[i]) : static_cast<T>(from[i]);
    }
  }
}

/// The RowFunction: operands[0] is the output (elements of Out), the K others hold T, or single compute_type numbers where the call
/// says so. With Add the results are added to the output.
template <class T, int K, class Out, bool Add>
void staged_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  const StagedCall& call = *static_cast<const StagedCall*>(parameters);
  using C = compute_type<T>;
  using OutC = compute_type<Out>;
  constexpr bool direct_in = std::is_same_v<T, C>, direct_out = std::is_same_v<Out, OutC> && !Add;
  const void* in[K];
  if constexpr (direct_in && direct_out) {
    bool dense = strides[0] == 1;
    for (int k = 0; k < K; ++k) {
      dense &= strides[k + 1] == 1 && !(call.scalar_operands >> k & 1u);
      in[k] = operands[k + 1];
    }
    if (dense) return call.loop(n, in, operands[0], call.parameters);
  }
  C staged[K][stage_elements];
  OutC result[stage_elements];
  const std::int64_t block = n < stage_elements ? n : stage_elements;
  bool repeats[K];
  for (int k = 0; k < K; ++k) {
    const bool number = call.scalar_operands >> k & 1u;
    repeats[k] = number || strides[k + 1] == 0;
    if (!repeats[k]) continue;
    const C value = number ? *reinterpret_cast<const C*>(operands[k + 1]) : static_cast<C>(*reinterpret_cast<const T*>(operands[k + 1]));
    for (std::int64_t i = 0; i < block; ++i) staged[k][i] = value;
  }
  for (std::int64_t at = 0; at < n; at += stage_elements) {
    const std::int64_t m = n - at < stage_elements ? n - at : stage_elements;
    for (int k = 0; k < K; ++k) {
      const std::int64_t stride = strides[k + 1];
      const T* from = reinterpret_cast<const T*>(operands[k + 1]) + at * stride;
      in[k] = staged[k];
      if (repeats[k]) continue;
      if (direct_in && stride == 1) in[k] = from;
      else stage_in(from, stride, staged[k], m);
    }
    Out* to = reinterpret_cast<Out*>(operands[0]) + at * strides[0];
    if (direct_out && strides[0] == 1) {
      call.loop(m, in, to, call.parameters);
    } else {
      call.loop(m, in, result, call.parameters);
      stage_out<Add>(result, to, strides[0], m);
    }
  }
}

/// F::f where it is not F::is_hard, else F::hard. Operands are read before anything is stored, so the output may be one of them.
template <class F, class C>
[[gnu::always_inline]] inline void repaired_loop(std::int64_t n, const C* a, const C* b, C* to) {
  constexpr std::int64_t block = 256;
  C result[block];
  for (std::int64_t at = 0; at < n; at += block) {
    const std::int64_t m = n - at < block ? n - at : block;
    int any = 0;
    for (std::int64_t i = 0; i < m; ++i) {
      result[i] = F::f(a[at + i], b[at + i]);
      any |= F::is_hard(a[at + i], b[at + i]);
    }
    if (any)
      for (std::int64_t i = 0; i < m; ++i)
        if (F::is_hard(a[at + i], b[at + i])) result[i] = F::hard(a[at + i], b[at + i]);
    for (std::int64_t i = 0; i < m; ++i) to[at + i] = result[i];
  }
}

/// The loops of a functor: `F::f(a)`, `F::f(a, b)` or `F::f(a, b, c)`, or those with the op's parameters as a last argument.
template <class F, class C, class OutC, int K>
void dense_loop(std::int64_t n, const void* const* in, void* out, const double* parameters) {
  OutC* to = static_cast<OutC*>(out);
  const C* a = static_cast<const C*>(in[0]);
  if constexpr (requires { F::f(C{}, typename F::template Parameters<C>(parameters)); } ||
                requires { F::f(C{}, C{}, typename F::template Parameters<C>(parameters)); }) {
    const typename F::template Parameters<C> p(parameters);
    if constexpr (K == 1) {
      TASUKI_INDEPENDENT_ITERATIONS
      for (std::int64_t i = 0; i < n; ++i) to[i] = F::f(a[i], p);
    } else {
      const C* b = static_cast<const C*>(in[1]);
      TASUKI_INDEPENDENT_ITERATIONS
      for (std::int64_t i = 0; i < n; ++i) to[i] = F::f(a[i], b[i], p);
    }
  } else if constexpr (requires { F::f(C{}, C{}, C{}, typename F::template Parameters<C>(parameters)); }) {
    const typename F::template Parameters<C> p(parameters);
    const C* b = static_cast<const C*>(in[1]);
    const C* c = static_cast<const C*>(in[2]);
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) to[i] = F::f(a[i], b[i], c[i], p);
  } else if constexpr (K == 1) {
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) to[i] = F::f(a[i]);
  } else if constexpr (K == 2) {
    const C* b = static_cast<const C*>(in[1]);
    if constexpr (requires { F::is_hard(C{}, C{}); }) return repaired_loop<F>(n, a, b, to);
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) to[i] = F::f(a[i], b[i]);
  } else {
    const C* b = static_cast<const C*>(in[1]);
    const C* c = static_cast<const C*>(in[2]);
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) to[i] = F::f(a[i], b[i], c[i]);
  }
}

/// What kernels of operands of one dtype launch with: loop by compute type, row by storage type.
template <class F, int K, bool Integers>
DenseLoop loop_for(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::bf16:
    case DType::f16: return &dense_loop<F, float, float, K>;
    case DType::f64: return &dense_loop<F, double, double, K>;
    default: break;
  }
  if constexpr (Integers) {
    switch (dtype) {
      case DType::i64: return &dense_loop<F, std::int64_t, std::int64_t, K>;
      case DType::i32: return &dense_loop<F, std::int32_t, std::int32_t, K>;
      case DType::u8: return &dense_loop<F, std::uint8_t, std::uint8_t, K>;
      default: break;
    }
  }
  return nullptr;
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
