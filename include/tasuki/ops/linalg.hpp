#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Small matrices, and batches of them: the last two dimensions are rows and columns, those before them the batch. f32 and f64, any
/// strides; computed in f64, on the host's processor. Deterministic, for any number of threads. Errors: ShapeError for operands that
/// are not (square) matrices, DTypeError; ValueError, which numbers the matrix in its batch, where a factorization does not exist.
namespace tasuki {

/// The lower triangular L with a = L L^T; of a, which is symmetric and positive definite, the lower triangle is read. The gradient is
/// symmetric. Saves the result.
Tensor cholesky(const Tensor& a, SourceLocation at = SourceLocation::current());

/// x with a x = b. a: [..., n, n]; b: [..., n, k] of the same batch, or [..., n]. Saves a and x.
Tensor solve(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current());

/// a^-1. Saves the result.
Tensor inverse(const Tensor& a, SourceLocation at = SourceLocation::current());

/// A number for each matrix. Its gradient is det(a) a^-T, which needs the inverse: ValueError in backward where there is none. Saves
/// a and the result.
Tensor det(const Tensor& a, SourceLocation at = SourceLocation::current());

/// a = p l u by rows exchanged for the largest pivots, which every matrix has: p [..., m, m] of zeros and ones, l [..., m, k] with ones on its
/// diagonal, u [..., k, n], k = min(m, n). lu_factor gives both triangles in one matrix (without the ones) and, as LAPACK, the exchanges:
/// i32 [..., k], row i with row pivots[i], counted from 1 and from the first. Save the factors. Differentiable any number of times
/// where the first k columns are independent (ValueError in backward where not).
struct LuResult {
  Tensor p, l, u;
};
LuResult lu(const Tensor& a, SourceLocation at = SourceLocation::current());
struct LuFactorResult {
  Tensor lu, pivots;
};
LuFactorResult lu_factor(const Tensor& a, SourceLocation at = SourceLocation::current());

/// a = q r: q with orthonormal columns [..., m, k], r upper triangular [..., k, n] with a diagonal that is not negative, k = min(m, n).
/// Saves both. Differentiable any number of times where the first k columns of a are independent (ValueError in backward where not).
struct QrResult {
  Tensor q, r;
};
QrResult qr(const Tensor& a, SourceLocation at = SourceLocation::current());

/// a = u diag(s) v^T: orthonormal columns in u [..., m, k] and v [..., n, k], s [..., k] descending, k = min(m, n). The largest element
/// by magnitude of each column of u is positive. Saves all three. Differentiable any number of times where no two singular values are
/// equal and, for u and v of a matrix that is not square, none is 0; elsewhere the gradient is not finite.
struct SvdResult {
  Tensor u, s, v;
};
SvdResult svd(const Tensor& a, SourceLocation at = SourceLocation::current());

/// a v = v diag(values) of symmetric matrices, of which the lower triangle is read: values ascending, orthonormal columns in v, the largest
/// element by magnitude of each column positive. Saves both; the gradient is symmetric. Differentiable any number of times where no two
/// values are equal; elsewhere the gradient of v is not finite.
struct EighResult {
  Tensor values, vectors;
};
EighResult eigh(const Tensor& a, SourceLocation at = SourceLocation::current());

/// The pseudoinverse [..., n, m] of a [..., m, n]; singular values up to rcond times the largest count as 0. A negative rcond stands for
/// max(m, n) times the dtype's epsilon. Saves a and the result; differentiable any number of times where the rank does not change.
Tensor pinv(const Tensor& a, double rcond = -1, SourceLocation at = SourceLocation::current());

/// Sign and logarithm of the magnitude of det(a): 0 and -inf where it is 0. The gradient of the logarithm is a^-T, that of the sign 0.
struct SlogdetResult {
  Tensor sign, logabsdet;
};
SlogdetResult slogdet(const Tensor& a, SourceLocation at = SourceLocation::current());

/// a a ... a, n times; the identity for 0, powers of the inverse for n < 0. Made of matmul.
Tensor matrix_power(const Tensor& a, std::int64_t n, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
