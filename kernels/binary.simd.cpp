#include "kernels/binary.hpp"

#include <type_traits>

#include "kernels/vectorize.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

template <class T>
constexpr bool is_half = std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>;
/// What an element computes in.
template <class T>
using Compute = std::conditional_t<is_half<T>, float, T>;

struct Add {
  template <class C>
  [[gnu::always_inline]] static C f(C a, C b) {
    return static_cast<C>(a + b);
  }
};
struct Sub {
  template <class C>
  [[gnu::always_inline]] static C f(C a, C b) {
    return static_cast<C>(a - b);
  }
};
struct Mul {
  template <class C>
  [[gnu::always_inline]] static C f(C a, C b) {
    return static_cast<C>(a * b);
  }
};
struct Div {
  template <class C>
  [[gnu::always_inline]] static C f(C a, C b) {
    return static_cast<C>(a / b);
  }
};
struct Pow {
  [[gnu::always_inline]] static float f(float a, float b) { return __builtin_powf(a, b); }
  [[gnu::always_inline]] static double f(double a, double b) { return __builtin_pow(a, b); }
};
// `a != a` picks a NaN on the left; a NaN on the right fails the comparison and is picked by it.
struct Maximum {
  template <class C>
  [[gnu::always_inline]] static C f(C a, C b) {
    return a > b || a != a ? a : b;
  }
};
struct Minimum {
  template <class C>
  [[gnu::always_inline]] static C f(C a, C b) {
    return a < b || a != a ? a : b;
  }
};

template <class Op, class T>
void row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void*) {
  using C = Compute<T>;
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  const T* b = reinterpret_cast<const T*>(operands[2]);
  // The output may be one of the operands, at the same positions: no iteration reads what another one writes.
  if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1) {
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) out[i] = T(Op::f(static_cast<C>(a[i]), static_cast<C>(b[i])));
  } else if (strides[0] == 1 && strides[1] == 1 && strides[2] == 0) {
    const C right = static_cast<C>(*b);
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) out[i] = T(Op::f(static_cast<C>(a[i]), right));
  } else if (strides[0] == 1 && strides[1] == 0 && strides[2] == 1) {
    const C left = static_cast<C>(*a);
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) out[i] = T(Op::f(left, static_cast<C>(b[i])));
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i * strides[0]] = T(Op::f(static_cast<C>(a[i * strides[1]]), static_cast<C>(b[i * strides[2]])));
  }
}

template <class T>
void add_product_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void*) {
  using C = Compute<T>;
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  const T* b = reinterpret_cast<const T*>(operands[2]);
  if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1) {
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) out[i] = T(static_cast<C>(out[i]) + static_cast<C>(a[i]) * static_cast<C>(b[i]));
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      T& o = out[i * strides[0]];
      o = T(static_cast<C>(o) + static_cast<C>(a[i * strides[1]]) * static_cast<C>(b[i * strides[2]]));
    }
  }
}

template <class Op>
RowFunction floating_row(DType dtype) {
  switch (dtype) {
    case DType::f32: return &row<Op, float>;
    case DType::f64: return &row<Op, double>;
    case DType::bf16: return &row<Op, bfloat16>;
    case DType::f16: return &row<Op, float16>;
    default: return nullptr;
  }
}

template <class Op>
RowFunction number_row(DType dtype) {
  switch (dtype) {
    case DType::i64: return &row<Op, std::int64_t>;
    case DType::i32: return &row<Op, std::int32_t>;
    case DType::u8: return &row<Op, std::uint8_t>;
    default: return floating_row<Op>(dtype);
  }
}

struct Eq {
  template <class C>
  [[gnu::always_inline]] static bool f(C a, C b) {
    return a == b;
  }
};
struct Ne {
  template <class C>
  [[gnu::always_inline]] static bool f(C a, C b) {
    return a != b;
  }
};
struct Lt {
  template <class C>
  [[gnu::always_inline]] static bool f(C a, C b) {
    return a < b;
  }
};
struct Le {
  template <class C>
  [[gnu::always_inline]] static bool f(C a, C b) {
    return a <= b;
  }
};

/// gt and ge are lt and le with the operands exchanged.
template <class Op, class T, bool Exchanged>
void compare_elements(std::int64_t n, char* const* operands, const std::int64_t* strides, const void*) {
  using C = Compute<T>;
  bool* out = reinterpret_cast<bool*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[Exchanged ? 2 : 1]);
  const T* b = reinterpret_cast<const T*>(operands[Exchanged ? 1 : 2]);
  const std::int64_t to = strides[0], a_step = strides[Exchanged ? 2 : 1], b_step = strides[Exchanged ? 1 : 2];
  if (to == 1 && a_step == 1 && b_step == 1) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = Op::f(static_cast<C>(a[i]), static_cast<C>(b[i]));
  } else if (to == 1 && a_step == 1 && b_step == 0) {
    const C right = static_cast<C>(*b);
    for (std::int64_t i = 0; i < n; ++i) out[i] = Op::f(static_cast<C>(a[i]), right);
  } else if (to == 1 && a_step == 0 && b_step == 1) {
    const C left = static_cast<C>(*a);
    for (std::int64_t i = 0; i < n; ++i) out[i] = Op::f(left, static_cast<C>(b[i]));
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i * to] = Op::f(static_cast<C>(a[i * a_step]), static_cast<C>(b[i * b_step]));
  }
}

template <class Op, bool Exchanged>
RowFunction compare_row_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return &compare_elements<Op, float, Exchanged>;
    case DType::f64: return &compare_elements<Op, double, Exchanged>;
    case DType::bf16: return &compare_elements<Op, bfloat16, Exchanged>;
    case DType::f16: return &compare_elements<Op, float16, Exchanged>;
    case DType::i64: return &compare_elements<Op, std::int64_t, Exchanged>;
    case DType::i32: return &compare_elements<Op, std::int32_t, Exchanged>;
    case DType::u8: return &compare_elements<Op, std::uint8_t, Exchanged>;
    case DType::boolean: return &compare_elements<Op, bool, Exchanged>;
  }
  return nullptr;
}

template <class T>
void where_elements(std::int64_t n, char* const* operands, const std::int64_t* strides, const void*) {
  T* out = reinterpret_cast<T*>(operands[0]);
  const std::uint8_t* condition = reinterpret_cast<const std::uint8_t*>(operands[1]);
  const T* a = reinterpret_cast<const T*>(operands[2]);
  const T* b = reinterpret_cast<const T*>(operands[3]);
  if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1 && strides[3] == 1) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T yes = a[i], no = b[i];
      out[i] = condition[i] ? yes : no;
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      const T yes = a[i * strides[2]], no = b[i * strides[3]];
      out[i * strides[0]] = condition[i * strides[1]] ? yes : no;
    }
  }
}

}  // namespace

RowFunction binary_row(BinaryOp op, DType dtype) {
  switch (op) {
    case BinaryOp::add: return number_row<Add>(dtype);
    case BinaryOp::sub: return number_row<Sub>(dtype);
    case BinaryOp::mul: return number_row<Mul>(dtype);
    case BinaryOp::div: return floating_row<Div>(dtype);
    case BinaryOp::pow: return floating_row<Pow>(dtype);
    case BinaryOp::maximum: return number_row<Maximum>(dtype);
    case BinaryOp::minimum: return number_row<Minimum>(dtype);
    case BinaryOp::add_product:
      switch (dtype) {
        case DType::f32: return &add_product_row<float>;
        case DType::f64: return &add_product_row<double>;
        case DType::bf16: return &add_product_row<bfloat16>;
        case DType::f16: return &add_product_row<float16>;
        default: return nullptr;
      }
  }
  return nullptr;
}

RowFunction compare_row(CompareOp op, DType dtype) {
  switch (op) {
    case CompareOp::eq: return compare_row_of<Eq, false>(dtype);
    case CompareOp::ne: return compare_row_of<Ne, false>(dtype);
    case CompareOp::lt: return compare_row_of<Lt, false>(dtype);
    case CompareOp::le: return compare_row_of<Le, false>(dtype);
    case CompareOp::gt: return compare_row_of<Lt, true>(dtype);
    case CompareOp::ge: return compare_row_of<Le, true>(dtype);
  }
  return nullptr;
}

RowFunction where_row(int element_size) {
  switch (element_size) {
    case 1: return &where_elements<std::uint8_t>;
    case 2: return &where_elements<std::uint16_t>;
    case 4: return &where_elements<std::uint32_t>;
    default: return &where_elements<std::uint64_t>;
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
