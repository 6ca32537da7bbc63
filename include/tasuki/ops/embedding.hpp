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
/// (Left out of PyTorch's: max_norm, which writes into the table, scale_grad_by_freq and sparse gradients.)
Tensor embedding(const Tensor& indices, const Tensor& weight, const EmbeddingOptions& options = {},
                 SourceLocation at = SourceLocation::current());

enum class EmbeddingBagMode : std::uint8_t { mean, sum, max };
struct EmbeddingBagOptions {
  EmbeddingBagMode mode = EmbeddingBagMode::mean;
  Tensor per_sample_weights{};    ///< factors of the rows, indices' shape; with sum alone
  std::int64_t padding_idx = -1;  ///< an index that counts for nothing; none when negative
};

/// The mean, sum or maximum of the rows of a table that each bag of indices names; of no rows 0. indices [bags, length], or a vector
/// whose bag i begins at offsets[i] and ends where the next one does (mean and sum alone). Made of embedding and reductions: the rows are
/// in memory at once. Differentiable any number of times. Errors as embedding's; ValueError for what a mode does not take.
Tensor embedding_bag(const Tensor& indices, const Tensor& weight, const EmbeddingBagOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor embedding_bag(const Tensor& indices, const Tensor& weight, const Tensor& offsets, const EmbeddingBagOptions& options = {},
                     SourceLocation at = SourceLocation::current());

}  // namespace tasuki
