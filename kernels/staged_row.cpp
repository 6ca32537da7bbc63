#include "kernels/staged_call.hpp"

namespace tasuki::kernels::cpu {

void run_staged(DenseLoop loop, DType dtype, const View* const* operands, int inputs, bool add, double p0, double p1, double p2) {
  StagedCall call{loop, 0, {p0, p1, p2}};
  for (int k = 0; k < inputs; ++k) call.scalar_operands |= static_cast<unsigned>(operands[k + 1]->dtype != dtype) << k;
  for_each_row(TASUKI_ON_ISA(staged_row_for)(dtype, inputs, add), operands, inputs + 1, &call);
}

}  // namespace tasuki::kernels::cpu
