#pragma once
#include <cstddef>
#include <cstdint>

#include "src/cpu/plan_cache.hpp"
#include "tasuki/core/dtype.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::cpu {

/// c = a b + bias, or c += a b + bias, for a batch of matrices: a [batch..., m, k], b [batch..., k, n], c [batch..., m, n],
/// bias [n] without gaps. Any strides, in elements; a stride of 0 in a batch dimension of a or b repeats the matrix, in one of c
/// it sums over the batch.
struct GemmProblem {
  struct Matrix {
    std::int64_t row = 0, column = 0;  // strides
    std::int64_t batch[6] = {};
  };
  DType dtype = f32;
  std::int64_t m = 0, n = 0, k = 0;
  int batch_dims = 0;
  std::int64_t batch[6] = {};
  Matrix a, b, c;
  bool has_bias = false;
  bool wide_result = false;  ///< of bf16: bias and c are f32

  DType result_dtype() const { return wide_result ? f32 : dtype; }
  double flops() const;
};

/// The operands as matrices of one batch shape. Each has at least two dimensions; missing or single batch dimensions repeat.
/// `transpose_a` takes a as [..., k, m], and so on.
struct GemmOperand {
  const View& view;
  bool transposed = false;
};
GemmProblem gemm_problem(GemmOperand a, GemmOperand b, GemmOperand c, bool has_bias = false);

/// How one GemmProblem is computed. bf16 and f16 are summed in f32, integers wrap around.
class GemmPlan : public Plan {
 public:
  /// Scratch bytes of run.
  virtual std::size_t workspace_bytes(bool accumulate) const = 0;
  virtual void run(const void* a, const void* b, const void* bias, void* c, bool accumulate, void* workspace) const = 0;
};

PlanPtr<GemmPlan> gemm_plan(const GemmProblem& problem);

/// True when products of bf16 are faster here than those of f32.
bool is_fast_with_bf16();

/// True when these strides of a matrix are read at full speed: one of them is 1, and rows or columns do not overlap.
bool is_gemm_layout(std::int64_t rows, std::int64_t columns, std::int64_t row_stride, std::int64_t column_stride);

}  // namespace tasuki::cpu
