#include "kernels/bitwise.hpp"

#include "kernels/binary_functors.hpp"
#include "kernels/staged_row.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

template <class F>
DenseLoop of_integers(DType dtype) {
  switch (dtype) {
    case DType::i64: return &dense_loop<F, std::int64_t, std::int64_t, 2>;
    case DType::i32: return &dense_loop<F, std::int32_t, std::int32_t, 2>;
    case DType::u8:
    case DType::boolean: return &dense_loop<F, std::uint8_t, std::uint8_t, 2>;
    default: return nullptr;
  }
}

}  // namespace

DenseLoop bitwise_loop(BitwiseOp op, DType dtype) {
  using namespace functors::TASUKI_ISA;
  switch (op) {
    case BitwiseOp::bitwise_and: return of_integers<BitwiseAnd>(dtype);
    case BitwiseOp::bitwise_or: return of_integers<BitwiseOr>(dtype);
    case BitwiseOp::bitwise_xor: return of_integers<BitwiseXor>(dtype);
    case BitwiseOp::left_shift: return of_integers<LeftShift>(dtype);
    case BitwiseOp::right_shift: return of_integers<RightShift>(dtype);
  }
  return nullptr;
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
