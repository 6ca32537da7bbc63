#include "kernels/binary.hpp"

#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

void binary(BinaryOp op, const View& a, const View& b, const View& out) {
  const RowFunction row = TASUKI_ON_ISA(binary_row)(op, out.dtype);
  if (!row) TASUKI_THROW(DTypeError, "no kernel for ", out.dtype);
  const View* operands[] = {&out, &a, &b};
  for_each_row(row, operands, 3, nullptr);
}

void compare(CompareOp op, const View& a, const View& b, const View& out) {
  const View* operands[] = {&out, &a, &b};
  for_each_row(TASUKI_ON_ISA(compare_row)(op, a.dtype), operands, 3, nullptr);
}

void where(const View& condition, const View& a, const View& b, const View& out) {
  const View* operands[] = {&out, &condition, &a, &b};
  for_each_row(TASUKI_ON_ISA(where_row)(static_cast<int>(size_of(out.dtype))), operands, 4, nullptr);
}

}  // namespace tasuki::kernels::cpu
