#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// Matrix product, with the rules of NumPy and PyTorch: [m, k] x [k, n] gives [m, n]; a 1-d operand counts as a row on the left
/// and as a column on the right, and its dimension is dropped from the result ([k] x [k] gives a 0-d tensor); leading dimensions
/// are batches and broadcast ([7, 1, m, k] x [5, k, n] gives [7, 5, m, n]).
///
/// Transposed operands are read in place. Both operands have one dtype, floating or integral; bf16 and f16 products are summed
/// in f32. Saves the operands that the gradients need. Bitwise repeatable for a fixed number of threads.
/// Throws ShapeError for 0-d operands, inner sizes that differ and batches that do not broadcast, DTypeError for mixed dtypes.
Tensor matmul(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
