#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Matrices and their diagonals; ts::diagonal (ops/view.hpp) is the view of one. Any strides. All are differentiable any number of times,
/// deterministic, and save nothing. Errors: ShapeError, IndexError for a dimension out of range.
namespace tasuki {

/// Of a vector the matrix with it on the diagonal j - i = offset, zeros elsewhere; of a matrix that diagonal, as a view.
Tensor diag(const Tensor& x, std::int64_t offset = 0, SourceLocation at = SourceLocation::current());
/// Matrices with the lines of x's last dimension on their diagonals j - i = offset; dimensions dim1 and dim2 of the result are rows and columns.
Tensor diag_embed(const Tensor& x, std::int64_t offset = 0, int dim1 = -2, int dim2 = -1, SourceLocation at = SourceLocation::current());
/// The sum of the diagonal of a matrix.
Tensor trace(const Tensor& x, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
