#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// The slices of x along `dim` that a list of indices names, in its order; repeats are fine.
///
/// x: any dtype and strides; index: i64 or i32, one dimension. y has x's shape with index.size(0) at `dim`. The gradient adds up
/// repeats in the order of the index, in f32 for bf16 and f16: deterministic, for any number of threads. Differentiable any number
/// of times in x. Saves index. Throws IndexError that names an index outside [0, x.size(dim)) and its position; negative indices do
/// not count from the back.
///
///     Tensor batch = ts::index_select(images, 0, permutation.slice(0, 0, 64));
Tensor index_select(const Tensor& x, int dim, const Tensor& index, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
