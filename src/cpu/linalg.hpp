#pragma once
#include "tasuki/core/view.hpp"

/// Factorizations of batches of small matrices, by Eigen. f32 or f64; row-major operands whose leading dimensions are the batch.
namespace tasuki::cpu {

/// out = the lower factor L of a = L L^T, of which the lower triangle is read. Throws ValueError where a is not positive definite.
void cholesky(const View& a, const View& out);
/// a = p l u: factors (f64, in an order of elements that only `solve` knows) and the rows' order (i64). Throws ValueError where a is singular.
void factorize(const View& a, const View& factors, const View& order);
/// a [m, n] = p l u: l below and u on and above the diagonal of `factors`; pivots (i32, from 1): what row i was exchanged with; places (i64):
/// where row r of a is in l u.
void lu(const View& a, const View& factors, const View& pivots, const View& places);
/// x = a^-1 b, or a^-T b where `transposed`.
void solve(const View& factors, const View& order, const View& b, const View& x, bool transposed);
void inverse(const View& a, const View& out);
/// out: a number for each matrix.
void determinant(const View& a, const View& out);
/// a [m, n] = q [m, k] r [k, n], k = min(m, n); R's diagonal is not negative.
void qr(const View& a, const View& q, const View& r);
/// a [m, n] = u [m, k] diag(s) v^T, v [n, k]; s descending. The largest element (by magnitude) of each column of u is positive.
void svd(const View& a, const View& u, const View& s, const View& v);
/// a v = v diag(values), of the lower triangle; values ascend, and columns have the sign that those of svd's u have.
void eigh(const View& a, const View& values, const View& vectors);
/// out [n, m]: the pseudoinverse, without the singular values up to rcond times the largest.
void pinv(const View& a, double rcond, const View& out);
/// Sign and logarithm of |det a| for each matrix.
void slogdet(const View& a, const View& sign, const View& logarithm);

}  // namespace tasuki::cpu
