#include "kernels/compare.hpp"

namespace tasuki::kernels::cpu {

void compare(CompareOp op, const View& a, const View& b, const View& out) {
  const View* operands[] = {&out, &a, &b};
  const StagedCall call{TASUKI_ON_ISA(compare_loop)(op, a.dtype), b.dtype != a.dtype ? 2u : 0u, {}};
  for_each_row(TASUKI_ON_ISA(comparing_row_for)(a.dtype), operands, 3, &call);
}

void where(const View& condition, const View& a, const View& b, const View& out) {
  const View* operands[] = {&out, &condition, &a, &b};
  for_each_row(TASUKI_ON_ISA(where_row)(static_cast<int>(size_of(out.dtype))), operands, 4, nullptr);
}

}  // namespace tasuki::kernels::cpu
