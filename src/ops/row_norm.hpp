#pragma once
#include "kernels/layer_norm.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki::ops {

/// What the normalizations over runs of a row share: x, weight and bias are operands 0, 1, 2; the means and 1 / deviations of the
/// rows are hidden outputs 1 and 2.

/// Weight and bias, where they are there, have this shape, and x's dtype or the one it is accumulated in.
inline void check_affine(const Operands& in, const Shape& shape) {
  const char* names[] = {"x", "weight", "bias"};
  for (std::size_t i = 1; i < 3; ++i) {
    if (!in[i].defined()) continue;
    check_shape(in[i], names[i], shape);
    if (in[i].dtype() != accumulate_type(in[0].dtype())) check_dtype(in[i], names[i], in[0].dtype());
  }
}

inline Spec row_norm_spec(const Operands& in, const Shape& rows, const kernels::cpu::RowLayout& row) {
  const Tensor& x = in[0];
  Spec spec(x.shape(), x.dtype());
  spec.outputs.push_back(OutputSpec::hidden_of(rows, accumulate_type(x.dtype())));
  spec.outputs.push_back(OutputSpec::hidden_of(rows, accumulate_type(x.dtype())));
  spec.workspace = spec.backward_workspace = kernels::cpu::layer_norm_workspace(row, x.dtype());
  spec.save_inputs = in[1].defined() ? 3u : 1u;
  spec.save_outputs = 6;
  spec.flops = 8.0 * static_cast<double>(x.numel());
  spec.backward_flops = 12.0 * static_cast<double>(x.numel());
  return spec;
}

}  // namespace tasuki::ops
