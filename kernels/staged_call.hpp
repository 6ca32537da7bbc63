#pragma once
#include <cstdint>

#include "kernels/isa.hpp"
#include "kernels/loop.hpp"
#include "tasuki/core/dtype.hpp"

namespace tasuki::kernels::cpu {

/// One elementwise op over contiguous arrays of its compute type; the output may be one of the inputs.
using DenseLoop = void (*)(std::int64_t n, const void* const* in, void* out, const double* parameters);

/// What a staged row is told: the loop, the op's parameters, and which inputs (bits) are single numbers of the compute type.
struct StagedCall {
  DenseLoop loop = nullptr;
  unsigned scalar_operands = 0;
  double parameters[3] = {};
};

/// Rows for `inputs` operands of `dtype` and an output of the same; with `add` the results are added to it.
TASUKI_PER_ISA(RowFunction staged_row_for(DType dtype, int inputs, bool add))
/// Rows for two operands of `dtype` and a bool output.
TASUKI_PER_ISA(RowFunction comparing_row_for(DType dtype))

/// Runs a loop over broadcast operands: operands[0] is the output. Inputs whose dtype is not `dtype` are ScalarViews of its compute type.
void run_staged(DenseLoop loop, DType dtype, const View* const* operands, int inputs, bool add, double p0 = 0, double p1 = 0, double p2 = 0);
/// The same without adding, by rows of the op's own, which may fall back on the loop; those of staged_row_for where there are none.
void run_rows(RowFunction rows, DenseLoop loop, DType dtype, const View* const* operands, int inputs, double p0 = 0, double p1 = 0, double p2 = 0);

/// The dtype in which elements are computed: f32 for the halves.
constexpr DType compute_dtype(DType dtype) { return dtype == DType::bf16 || dtype == DType::f16 ? DType::f32 : dtype; }

}  // namespace tasuki::kernels::cpu
