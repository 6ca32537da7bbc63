#pragma once
#include <vector>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// The tensors one after the other along `dim`; their other sizes are equal. A tensor of shape [0] is skipped, as in PyTorch.
///
/// Any dtype, the same for all; any strides. The result is channels-last where the first tensor is. Differentiable any number of times.
/// Throws ValueError for an empty list, ShapeError, DTypeError for tensors that do not fit together, naming the position.
Tensor cat(const std::vector<Tensor>& tensors, int dim = 0, SourceLocation at = SourceLocation::current());

/// The tensors, all of one shape, along a new dimension `dim`. Else as cat.
Tensor stack(const std::vector<Tensor>& tensors, int dim = 0, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
