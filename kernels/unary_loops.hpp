#pragma once
// For *.simd.cpp only: the loops of a unary functor over dense arrays of the type it is computed in; staged rows bring all other
// dtypes and layouts into that form.
#include <type_traits>

#include "kernels/register_row.hpp"
#include "kernels/unary.hpp"
#include "kernels/unary_functors.hpp"
#include "kernels/vectorize.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

template <class C>
[[gnu::always_inline]] inline functors::TASUKI_ISA::Numbers<C> numbers_of(const double* parameters) {
  return {static_cast<C>(parameters[0]), static_cast<C>(parameters[1]), static_cast<C>(parameters[2])};
}

/// Some arguments of F need libm: angles too large to be reduced in place.
template <class F, class C>
constexpr bool has_hard = requires { F::is_hard(C{}); } && (std::is_same_v<C, float> || !requires { F::hard_floats_only; });

/// Runs easy(block begin, size, results) over blocks, repairs the results of hard arguments by hard(argument), and hands each block
/// to store(begin, size, results). The arguments are read before anything is stored, so the output may be the input.
template <class F, class C, class Easy, class Hard, class Store>
[[gnu::always_inline]] inline void in_repaired_blocks(std::int64_t n, const C* x, Easy easy, Hard hard, Store store) {
  constexpr std::int64_t block = 512;
  C result[block];
  for (std::int64_t at = 0; at < n; at += block) {
    const std::int64_t m = n - at < block ? n - at : block;
    easy(at, m, result);
    int any = 0;  // not a bool, over which compilers do not vectorize
    for (std::int64_t i = 0; i < m; ++i) any |= F::is_hard(x[at + i]) ? 1 : 0;
    if (any)
      for (std::int64_t i = 0; i < m; ++i)
        if (F::is_hard(x[at + i])) result[i] = hard(x[at + i]);
    store(at, m, result);
  }
}

template <class F, class C>
void value_loop(std::int64_t n, const void* const* in, void* out, const double* parameters) {
  const C* x = static_cast<const C*>(in[0]);
  C* to = static_cast<C*>(out);
  const auto p = numbers_of<C>(parameters);
  if constexpr (has_hard<F, C>) {
    in_repaired_blocks<F>(
        n, x,
        [&](std::int64_t at, std::int64_t m, C* result) {
          for (std::int64_t i = 0; i < m; ++i) result[i] = F::f(x[at + i], p);
        },
        [](C v) { return F::hard_f(v); },
        [&](std::int64_t at, std::int64_t m, const C* result) {
          for (std::int64_t i = 0; i < m; ++i) to[at + i] = result[i];
        });
  } else {
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) to[i] = F::f(x[i], p);
  }
}

template <class F, class C>
void gradient_loop(std::int64_t n, const void* const* in, void* out, const double* parameters) {
  const C *g = static_cast<const C*>(in[0]), *v = static_cast<const C*>(in[1]);
  C* to = static_cast<C*>(out);
  const auto p = numbers_of<C>(parameters);
  if constexpr (has_hard<F, C> && F::uses == functors::TASUKI_ISA::Uses::input) {
    in_repaired_blocks<F>(
        n, v,
        [&](std::int64_t at, std::int64_t m, C* result) {
          for (std::int64_t i = 0; i < m; ++i) result[i] = F::df(v[at + i], v[at + i], p);
        },
        [](C w) { return F::hard_df(w); },
        [&](std::int64_t at, std::int64_t m, const C* result) {
          for (std::int64_t i = 0; i < m; ++i) to[at + i] = g[at + i] * result[i];
        });
  } else {
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) to[i] = g[i] * F::df(v[i], v[i], p);
  }
}

template <class F, class T>
void integer_loop(std::int64_t n, const void* const* in, void* out, const double* parameters) {
  namespace fn = functors::TASUKI_ISA;
  const T* x = static_cast<const T*>(in[0]);
  T* to = static_cast<T*>(out);
  const double lowest = parameters[0], highest = parameters[1];
  for (std::int64_t i = 0; i < n; ++i) {
    const T v = x[i];
    if constexpr (std::is_same_v<F, fn::Abs>) to[i] = v < T(0) ? T(-v) : v;
    else if constexpr (std::is_same_v<F, fn::Neg>) to[i] = T(-v);
    else if constexpr (std::is_same_v<F, fn::Square>) to[i] = T(v * v);
    else if constexpr (std::is_same_v<F, fn::Relu>) to[i] = v > T(0) ? v : T(0);
    else if constexpr (std::is_same_v<F, fn::Sign>) to[i] = v > T(0) ? T(1) : v < T(0) ? T(-1) : T(0);
    else to[i] = static_cast<double>(v) < lowest ? T(lowest) : static_cast<double>(v) > highest ? T(highest) : v;
  }
}

/// Functors that cost little more than staging their halves does: worth loops of their own.
template <class F>
inline constexpr bool is_cheap = false;
template <>
inline constexpr bool is_cheap<functors::TASUKI_ISA::Sqrt> = true;
template <>
inline constexpr bool is_cheap<functors::TASUKI_ISA::Square> = true;
template <>
inline constexpr bool is_cheap<functors::TASUKI_ISA::Gelu> = true;
template <>
inline constexpr bool is_cheap<functors::TASUKI_ISA::LogSigmoidOfHalf> = true;
template <>
inline constexpr bool is_cheap<functors::TASUKI_ISA::Tanhshrink> = true;

/// The RowFunctions of such a functor on dense halves; parameters are a StagedCall, whose loop serves all other strides.
template <class F, class T>
void value_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  const StagedCall& call = *static_cast<const StagedCall*>(parameters);
  if (strides[0] != 1 || strides[1] != 1) return staged_row_for(dtype_of<T>, 1, false)(n, operands, strides, parameters);
  register_loop(n, reinterpret_cast<T*>(operands[0]), [p = numbers_of<float>(call.parameters)](float x) __attribute__((always_inline)) { return F::f(x, p); },
                DenseElements<T>{reinterpret_cast<const T*>(operands[1])});
}
template <class F, class T>
void gradient_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  const StagedCall& call = *static_cast<const StagedCall*>(parameters);
  if (strides[0] != 1 || strides[1] != 1 || strides[2] != 1) return staged_row_for(dtype_of<T>, 2, false)(n, operands, strides, parameters);
  register_loop(n, reinterpret_cast<T*>(operands[0]), [p = numbers_of<float>(call.parameters)](float g, float v) __attribute__((always_inline)) { return g * F::df(v, v, p); },
                DenseElements<T>{reinterpret_cast<const T*>(operands[1])}, DenseElements<T>{reinterpret_cast<const T*>(operands[2])});
}

template <class F>
struct ForHalves {
  using type = F;
};
template <class F>
  requires requires { typename F::OfHalves; }
struct ForHalves<F> {
  using type = typename F::OfHalves;
};
template <class F>
UnaryLoops loops_of_halves([[maybe_unused]] DType dtype) {
  UnaryLoops loops{&value_loop<F, float>, &gradient_loop<F, float>, nullptr, nullptr};
  if constexpr (is_cheap<F>) {
    const bool is_bf16 = dtype == DType::bf16;
    loops.value_row = is_bf16 ? &value_row<F, bfloat16> : &value_row<F, float16>;
    loops.gradient_row = is_bf16 ? &gradient_row<F, bfloat16> : &gradient_row<F, float16>;
  }
  return loops;
}

template <class F, bool Integers>
UnaryLoops loops_for(DType dtype) {
  switch (dtype) {
    case DType::bf16:
    case DType::f16: return loops_of_halves<typename ForHalves<F>::type>(dtype);
    case DType::f32: return {&value_loop<F, float>, &gradient_loop<F, float>, nullptr, nullptr};
    case DType::f64: return {&value_loop<F, double>, &gradient_loop<F, double>, nullptr, nullptr};
    default: break;
  }
  if constexpr (Integers) {
    switch (dtype) {
      case DType::i64: return {&integer_loop<F, std::int64_t>, nullptr, nullptr, nullptr};
      case DType::i32: return {&integer_loop<F, std::int32_t>, nullptr, nullptr, nullptr};
      case DType::u8: return {&integer_loop<F, std::uint8_t>, nullptr, nullptr, nullptr};
      default: break;
    }
  }
  return {};
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA

/// The body of a part's function: a case for each line of its table, which the including file names.
#define TASUKI_UNARY_OP(name, Functor, integers) \
  case UnaryOp::name: return loops_for<functors::TASUKI_ISA::Functor, integers>(dtype);
