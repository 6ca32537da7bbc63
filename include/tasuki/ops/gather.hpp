#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// y[i][j][k] = x[i][index[i][j][k]][k] for dim 1, and likewise for the others; y has index's shape.
///
/// x: any dtype and strides; index: i64 or i32, with x's number of dimensions and nowhere larger than x except along `dim`. The
/// gradient adds up equal places in the order of the index, in f32 for bf16 and f16: deterministic, for any number of threads.
/// Differentiable any number of times in x. Saves index. Throws IndexError that names an index outside [0, x.size(dim)) and its
/// position; negative indices do not count from the back.
Tensor gather(const Tensor& x, int dim, const Tensor& index, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
