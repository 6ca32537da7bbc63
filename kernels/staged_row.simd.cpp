#include "kernels/staged_row.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {
template <class T>
RowFunction rows_of(int inputs, bool add) {
  switch (inputs) {
    case 1: return add ? &staged_row<T, 1, T, true> : &staged_row<T, 1, T, false>;
    case 2: return add ? &staged_row<T, 2, T, true> : &staged_row<T, 2, T, false>;
    default: return add ? &staged_row<T, 3, T, true> : &staged_row<T, 3, T, false>;
  }
}
}  // namespace

RowFunction staged_row_for(DType dtype, int inputs, bool add) {
  switch (dtype) {
    case DType::f32: return rows_of<float>(inputs, add);
    case DType::f64: return rows_of<double>(inputs, add);
    case DType::bf16: return rows_of<bfloat16>(inputs, add);
    case DType::f16: return rows_of<float16>(inputs, add);
    case DType::i64: return rows_of<std::int64_t>(inputs, add);
    case DType::i32: return rows_of<std::int32_t>(inputs, add);
    case DType::u8:
    case DType::boolean: return rows_of<std::uint8_t>(inputs, add);
  }
  return nullptr;
}

RowFunction comparing_row_for(DType dtype) {
  switch (dtype) {
    case DType::f32: return &staged_row<float, 2, bool, false>;
    case DType::f64: return &staged_row<double, 2, bool, false>;
    case DType::bf16: return &staged_row<bfloat16, 2, bool, false>;
    case DType::f16: return &staged_row<float16, 2, bool, false>;
    case DType::i64: return &staged_row<std::int64_t, 2, bool, false>;
    case DType::i32: return &staged_row<std::int32_t, 2, bool, false>;
    case DType::u8:
    case DType::boolean: return &staged_row<std::uint8_t, 2, bool, false>;
  }
  return nullptr;
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
