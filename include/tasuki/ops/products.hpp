#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Products of vectors and matrices by the names that BLAS and PyTorch have for them, and distances of all pairs. Operands have one
/// floating dtype (mm, mv and dot: or an integral one), any strides. Made of matmul and other ops, which save what they need:
/// differentiable any number of times. Errors: ShapeError for operands that do not fit each other, DTypeError.
namespace tasuki {

/// [m, k] x [k, n] gives [m, n]; [m, k] x [k] gives [m]; [k] x [k] gives a number. Nothing broadcasts.
Tensor mm(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());
Tensor mv(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());
Tensor dot(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());

/// beta x + alpha a b for matrices, and for batches of them; x broadcasts to the product. With beta = 0, x counts for nothing, NaN neither.
struct AddmmOptions {
  double beta = 1, alpha = 1;
};
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, const AddmmOptions& options = {}, SourceLocation at = SourceLocation::current());
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, const AddmmOptions& options = {}, SourceLocation at = SourceLocation::current());

/// The sum over pairs of dimensions, a's dims_a[k] with b's dims_b[k]; the result has a's other dimensions, then b's. Or over the last
/// `dims` of a and the first of b.
Tensor tensordot(const Tensor& a, const Tensor& b, const Dims& dims_a, const Dims& dims_b, SourceLocation at = SourceLocation::current());
Tensor tensordot(const Tensor& a, const Tensor& b, int dims = 2, SourceLocation at = SourceLocation::current());

/// A number a^T W_k b + bias_k for each pair of rows and each of the weight's matrices: a [..., m] and b [..., n] of the same leading
/// dimensions, weight [out, m, n], bias [out] or undefined; [..., out]. Computed in f32 for the halves; in backward, where the processor
/// multiplies bf16, the gradients of products of it are rounded to it.
Tensor bilinear(const Tensor& a, const Tensor& b, const Tensor& weight, const Tensor& bias = {}, SourceLocation at = SourceLocation::current());

/// The vector product of a and b, which broadcast, along a dimension of size 3.
Tensor cross(const Tensor& a, const Tensor& b, int dim = -1, SourceLocation at = SourceLocation::current());

/// The p-norm of a_i - b_j for all rows of a [..., m, d] and b [..., n, d]: [..., m, n]; batches broadcast. More than 25 rows are, for
/// p = 2, compared by |a|^2 + |b|^2 - 2 a b: fast, and inexact for neighbours much closer to each other than to 0 (as in PyTorch); else
/// the differences, m n d of them, are in memory at once. The gradient is 0 where the distance is. ValueError for p < 0.
Tensor cdist(const Tensor& a, const Tensor& b, double p = 2, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
