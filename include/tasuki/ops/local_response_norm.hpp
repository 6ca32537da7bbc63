#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// x / (k + alpha / size * sum of x^2 over `size` neighbouring channels)^beta, the normalization across channels of AlexNet and
/// GoogLeNet (Krizhevsky et al. 2012). Channels beyond the ends count as zeros; an even size reaches one channel further to the front.
///
/// x: [n, channels, ...], f32 f64 bf16 f16, any strides. Made of other ops, which save what they need; differentiable any number of
/// times. Throws ShapeError for fewer than two dimensions, ValueError for a size below 1.
struct LocalResponseNormOptions {
  double alpha = 1e-4, beta = 0.75, k = 1;
};
Tensor local_response_norm(const Tensor& x, std::int64_t size, const LocalResponseNormOptions& options = {}, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
