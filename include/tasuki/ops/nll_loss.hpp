#pragma once
#include <cstdint>

#include "tasuki/ops/reduction.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct NllLossOptions {
  std::int64_t ignore_index = -100;
  Tensor weight{};
  Reduction reduction = Reduction::mean;
};

/// Negative log likelihood: cross_entropy for what already are log-probabilities (of log_softmax). A sample's loss is
/// -weight[t] * log_probabilities[t]; shapes, options, determinism and errors as for cross_entropy with labels.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllLossOptions& options = {},
                SourceLocation at = SourceLocation::current());

}  // namespace tasuki
