#include "kernels/compare.hpp"

#include "kernels/binary_functors.hpp"
#include "kernels/staged_row.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

using namespace functors::TASUKI_ISA;

namespace {
template <class F>
DenseLoop comparing(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::bf16:
    case DType::f16: return &dense_loop<F, float, bool, 2>;
    case DType::f64: return &dense_loop<F, double, bool, 2>;
    case DType::i64: return &dense_loop<F, std::int64_t, bool, 2>;
    case DType::i32: return &dense_loop<F, std::int32_t, bool, 2>;
    case DType::u8:
    case DType::boolean: return &dense_loop<F, std::uint8_t, bool, 2>;
  }
  return nullptr;
}
}  // namespace

DenseLoop compare_loop(CompareOp op, DType dtype) {
  switch (op) {
    case CompareOp::eq: return comparing<Equal>(dtype);
    case CompareOp::ne: return comparing<NotEqual>(dtype);
    case CompareOp::lt: return comparing<Less>(dtype);
    case CompareOp::le: return comparing<LessEqual>(dtype);
    case CompareOp::gt: return comparing<Greater>(dtype);
    case CompareOp::ge: return comparing<GreaterEqual>(dtype);
    case CompareOp::logical_and: return comparing<LogicalAnd>(dtype);
    case CompareOp::logical_or: return comparing<LogicalOr>(dtype);
    case CompareOp::logical_xor: return comparing<LogicalXor>(dtype);
  }
  return nullptr;
}

namespace {

template <class T>
void where_elements(std::int64_t n, char* const* operands, const std::int64_t* strides, const void*) {
  T* out = reinterpret_cast<T*>(operands[0]);
  const std::uint8_t* condition = reinterpret_cast<const std::uint8_t*>(operands[1]);
  const T* a = reinterpret_cast<const T*>(operands[2]);
  const T* b = reinterpret_cast<const T*>(operands[3]);
  // Both sides are read before the choice, so that it becomes a blend.
  if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1 && strides[3] == 1) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T yes = a[i], no = b[i];
      out[i] = condition[i] ? yes : no;
    }
  } else if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1 && strides[3] == 0) {
    const T no = *b;
    for (std::int64_t i = 0; i < n; ++i) {
      const T yes = a[i];
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

RowFunction where_row(int element_size) {
  switch (element_size) {
    case 1: return &where_elements<std::uint8_t>;
    case 2: return &where_elements<std::uint16_t>;
    case 4: return &where_elements<std::uint32_t>;
    default: return &where_elements<std::uint64_t>;
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
