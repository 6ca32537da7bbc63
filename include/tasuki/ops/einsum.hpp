#pragma once
#include <string>
#include <vector>

#include "tasuki/tensor/tensor.hpp"

/// Products of tensors by named dimensions, and the small cases that have names of their own. Operands have one floating dtype, any
/// strides. Made of matmul, mul, sum and views, which save what they need: differentiable any number of times.
namespace tasuki {

/// Sums of products in Einstein's notation: dimensions named alike are multiplied element by element, and summed over unless the
/// result names them. A name twice in one operand takes its diagonal; "..." stands for dimensions that broadcast; without "->" the
/// result has the names that occur once, in alphabetical order. Any number of operands, contracted in pairs from left to right.
/// Throws ValueError for a malformed equation, ShapeError for operands that do not fit it.
///
///     ts::einsum("bhqd,bhkd->bhqk", {q, k});
Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands, SourceLocation at = SourceLocation::current());

/// [b, m, k] x [b, k, n] gives [b, m, n]; nothing broadcasts.
Tensor bmm(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());
/// [m] x [n] gives [m, n]: a_i b_j.
Tensor outer(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());
/// Kronecker's product: each element of a times all of b; sizes multiply. The operand of fewer dimensions gets ones in front.
Tensor kron(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
