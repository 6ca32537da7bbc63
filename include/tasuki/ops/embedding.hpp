#pragma once
#include <cstdint>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct EmbeddingOptions {
  std::int64_t padding_idx = -1;  ///< the row that receives no gradient; none when negative
};

/// Rows of a table: y[..., :] = weight[indices[...], :].
///
/// indices: i64 or i32, any shape; weight: [V, D], any floating dtype. y: indices' shape followed by D. The gradient is dense; rows
/// that occur several times are summed in the order of the indices, in f32 for bf16 and f16, so it is deterministic for any number
/// of threads. Differentiable any number of times. Saves indices. Throws IndexError that names an index outside [0, V) and its position.
Tensor embedding(const Tensor& indices, const Tensor& weight, const EmbeddingOptions& options = {},
                 SourceLocation at = SourceLocation::current());

}  // namespace tasuki
