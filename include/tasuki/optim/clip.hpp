#pragma once
#include <vector>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki::optim {

struct ClipOptions {
  double norm_type = 2;            ///< p of the p-norm, at least 1; infinity (__builtin_inf()) for the largest absolute value
  bool error_if_nonfinite = false;  ///< throw NanError instead of scaling by a NaN
};

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is that of all of them as one vector, and returns norm.
/// Parameters without a gradient do not count. Deterministic for any number of threads: the sum runs in f64, in a fixed order.
///
///     loss.backward();
///     ts::optim::clip_grad_norm_(net.parameters(), 1.0);
///     opt.step();
double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, const ClipOptions& options = {},
                       SourceLocation at = SourceLocation::current());

/// Limits every entry of every gradient to [-limit, limit].
void clip_grad_value_(const std::vector<Tensor>& parameters, double limit, SourceLocation at = SourceLocation::current());

/// The norm of all gradients as one vector, of order p.
double grad_norm(const std::vector<Tensor>& parameters, double p = 2, SourceLocation at = SourceLocation::current());

}  // namespace tasuki::optim
