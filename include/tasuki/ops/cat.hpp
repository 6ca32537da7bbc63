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

/// cat side by side, along dimension 1 (of vectors and numbers 0), and one below the other, along dimension 0 of what has two dimensions at
/// least: vectors are rows.
Tensor hstack(const std::vector<Tensor>& tensors, SourceLocation at = SourceLocation::current());
Tensor vstack(const std::vector<Tensor>& tensors, SourceLocation at = SourceLocation::current());

/// cat's second name.
inline Tensor concat(const std::vector<Tensor>& tensors, int dim = 0, SourceLocation at = SourceLocation::current()) { return cat(tensors, dim, at); }

}  // namespace tasuki
