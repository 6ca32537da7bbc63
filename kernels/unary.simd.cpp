#include "kernels/unary.hpp"

#include <type_traits>

#include "kernels/staged_row.hpp"
#include "kernels/unary_functors.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

namespace fn = functors::TASUKI_ISA;

template <class C>
[[gnu::always_inline]] inline fn::Numbers<C> numbers_of(const void* parameters) {
  const UnaryNumbers& n = *static_cast<const UnaryNumbers*>(parameters);
  return {static_cast<C>(n.first), static_cast<C>(n.second)};
}

constexpr std::int64_t block = 512;

/// Some arguments of F need libm; see repair_hard.
template <class F, class C>
constexpr bool has_hard = std::is_same_v<C, float> && requires { F::is_hard(C{}); };

template <class F, class C>
[[gnu::always_inline]] inline void repair_hard(const C* x, C* y, std::int64_t n, bool derivative) {
  if constexpr (has_hard<F, C>) {
    bool any = false;
    for (std::int64_t i = 0; i < n; ++i) any |= F::is_hard(x[i]);
    if (!any) return;
    for (std::int64_t i = 0; i < n; ++i)
      if (F::is_hard(x[i])) y[i] = derivative ? F::hard_df(x[i]) : F::hard_f(x[i]);
  }
}

template <class F, class T>
void row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  using C = compute_type<T>;
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* x = reinterpret_cast<const T*>(operands[1]);
  const auto p = numbers_of<C>(parameters);
  if constexpr (std::is_same_v<T, C> && !has_hard<F, C>) {
    if (strides[0] == 1 && strides[1] == 1) {
      TASUKI_INDEPENDENT_ITERATIONS
      for (std::int64_t i = 0; i < n; ++i) out[i] = F::f(x[i], p);
      return;
    }
  }
  // Other rows are gathered into contiguous blocks, so that one vector loop serves all layouts.
  C in[block], result[block];
  for (std::int64_t at = 0; at < n; at += block) {
    const std::int64_t m = n - at < block ? n - at : block;
    stage_in(x + at * strides[1], strides[1], in, m);
    for (std::int64_t i = 0; i < m; ++i) result[i] = F::f(in[i], p);
    repair_hard<F>(in, result, m, false);
    stage_out<false>(result, out + at * strides[0], strides[0], m);
  }
}

template <class F, class T>
void integer_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* x = reinterpret_cast<const T*>(operands[1]);
  const UnaryNumbers& numbers = *static_cast<const UnaryNumbers*>(parameters);
  for (std::int64_t i = 0; i < n; ++i) {
    const T v = x[i * strides[1]];
    T& to = out[i * strides[0]];
    if constexpr (std::is_same_v<F, fn::Abs>) to = v < T(0) ? T(-v) : v;
    else if constexpr (std::is_same_v<F, fn::Neg>) to = T(-v);
    else if constexpr (std::is_same_v<F, fn::Square>) to = T(v * v);
    else if constexpr (std::is_same_v<F, fn::Relu>) to = v > T(0) ? v : T(0);
    else to = static_cast<double>(v) < numbers.first ? T(numbers.first) : static_cast<double>(v) > numbers.second ? T(numbers.second) : v;
  }
}

template <class F, class T, bool Accumulate>
void backward_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  using C = compute_type<T>;
  T* grad_in = reinterpret_cast<T*>(operands[0]);
  const T* grad_out = reinterpret_cast<const T*>(operands[1]);
  const T* operand = reinterpret_cast<const T*>(operands[2]);
  const auto p = numbers_of<C>(parameters);
  if constexpr (std::is_same_v<T, C> && !has_hard<F, C>) {
    if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1) {
      TASUKI_INDEPENDENT_ITERATIONS
      for (std::int64_t i = 0; i < n; ++i) {
        const C slope = grad_out[i] * F::df(operand[i], operand[i], p);
        grad_in[i] = Accumulate ? grad_in[i] + slope : slope;
      }
      return;
    }
  }
  C g[block], v[block], slope[block];
  for (std::int64_t at = 0; at < n; at += block) {
    const std::int64_t m = n - at < block ? n - at : block;
    stage_in(grad_out + at * strides[1], strides[1], g, m);
    stage_in(operand + at * strides[2], strides[2], v, m);
    for (std::int64_t i = 0; i < m; ++i) slope[i] = F::df(v[i], v[i], p);
    repair_hard<F>(v, slope, m, true);
    for (std::int64_t i = 0; i < m; ++i) g[i] *= slope[i];
    stage_out<Accumulate>(g, grad_in + at * strides[0], strides[0], m);
  }
}

template <class F, bool Integers>
RowFunction row_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return &row<F, float>;
    case DType::f64: return &row<F, double>;
    case DType::bf16: return &row<F, bfloat16>;
    case DType::f16: return &row<F, float16>;
    default: break;
  }
  if constexpr (Integers) {
    switch (dtype) {
      case DType::i64: return &integer_row<F, std::int64_t>;
      case DType::i32: return &integer_row<F, std::int32_t>;
      case DType::u8: return &integer_row<F, std::uint8_t>;
      default: break;
    }
  }
  return nullptr;
}

template <class F, bool Accumulate>
RowFunction backward_row_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return &backward_row<F, float, Accumulate>;
    case DType::f64: return &backward_row<F, double, Accumulate>;
    case DType::bf16: return &backward_row<F, bfloat16, Accumulate>;
    default: return &backward_row<F, float16, Accumulate>;
  }
}

}  // namespace

RowFunction unary_row(UnaryOp op, DType dtype) {
  switch (op) {
#define TASUKI_UNARY_OP(name, Functor, integers) \
  case UnaryOp::name: return row_of<fn::Functor, integers>(dtype);
#include "kernels/unary_ops.inc"
#undef TASUKI_UNARY_OP
  }
  return nullptr;
}

RowFunction unary_backward_row(UnaryOp op, DType dtype, bool accumulate) {
  switch (op) {
#define TASUKI_UNARY_OP(name, Functor, integers) \
  case UnaryOp::name: return accumulate ? backward_row_of<fn::Functor, true>(dtype) : backward_row_of<fn::Functor, false>(dtype);
#include "kernels/unary_ops.inc"
#undef TASUKI_UNARY_OP
  }
  return nullptr;
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
