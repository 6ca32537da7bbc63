#include "kernels/staged_call.hpp"

namespace tasuki::kernels::cpu {

namespace {
unsigned scalar_operands(DType dtype, const View* const* operands, int inputs) {
  unsigned scalars = 0;
  for (int k = 0; k < inputs; ++k) scalars |= static_cast<unsigned>(operands[k + 1]->dtype != dtype) << k;
  return scalars;
}
}  // namespace

void run_staged(DenseLoop loop, DType dtype, const View* const* operands, int inputs, bool add, double p0, double p1, double p2) {
  const StagedCall call{loop, scalar_operands(dtype, operands, inputs), {p0, p1, p2}};
  for_each_row(TASUKI_ON_ISA(staged_row_for)(dtype, inputs, add), operands, inputs + 1, &call);
}

void run_rows(RowFunction rows, DenseLoop loop, DType dtype, const View* const* operands, int inputs, double p0, double p1, double p2) {
  if (!rows) return run_staged(loop, dtype, operands, inputs, false, p0, p1, p2);
  const StagedCall call{loop, scalar_operands(dtype, operands, inputs), {p0, p1, p2}};
  for_each_row(rows, operands, inputs + 1, &call);
}

}  // namespace tasuki::kernels::cpu
