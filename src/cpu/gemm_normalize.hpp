#pragma once
#include "src/cpu/gemm.hpp"

namespace tasuki::cpu {

/// The same problem with as few batch dimensions as its strides allow, so that equal work has equal plans.
GemmProblem normalized(GemmProblem problem);

/// Calls f(a, b, c, first) with the element offsets of each batch entry; `first` is false when an earlier entry already wrote the
/// same c, that is, when the batch is summed.
template <class F>
void for_each_batch(const GemmProblem& p, int dims, F&& f) {
  std::int64_t total = 1, index[6] = {};
  for (int d = 0; d < dims; ++d) total *= p.batch[d];
  for (std::int64_t i = 0; i < total; ++i) {
    std::int64_t a = 0, b = 0, c = 0;
    bool first = true;
    for (int d = 0; d < dims; ++d) {
      a += index[d] * p.a.batch[d];
      b += index[d] * p.b.batch[d];
      c += index[d] * p.c.batch[d];
      first &= p.c.batch[d] != 0 || index[d] == 0;
    }
    f(a, b, c, first);
    for (int d = dims - 1; d >= 0 && ++index[d] == p.batch[d]; --d) index[d] = 0;
  }
}

/// Own kernels for f32 where one matrix is much larger than the others; null for all else.
Plan* make_panel_gemm(const GemmProblem& problem);
/// Plain loops, and own kernels for f64: integers, f64, and strides that oneDNN does not take.
Plan* make_host_gemm(const GemmProblem& problem);
/// bf16 and f16 where oneDNN does not take them: through f32 copies.
Plan* make_converting_gemm(const GemmProblem& problem);

}  // namespace tasuki::cpu
