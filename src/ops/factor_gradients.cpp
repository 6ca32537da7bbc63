// After S. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2010), for qr, and M. Giles, "An extended
// collection of matrix derivative results" (2008), for svd.
#include "src/ops/factor_gradients.hpp"

#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/linalg.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::ops {
namespace {

Tensor transposed(const Tensor& a) { return a.transpose(-2, -1); }
/// Undefined where an operand is.
Tensor product(const Tensor& a, const Tensor& b) { return a.defined() && b.defined() ? matmul(a, b) : Tensor(); }
Tensor sum_of(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : a + b; }
Tensor negative(const Tensor& a) { return a.defined() ? -a : a; }

/// Of r with as many rows as columns.
Tensor square_qr_gradient(const Tensor& q, const Tensor& r, const Tensor& grad_q, const Tensor& grad_r) {
  const Tensor m = sum_of(grad_r.defined() ? matmul(r, transposed(grad_r)) : Tensor(), grad_q.defined() ? negative(matmul(transposed(grad_q), q)) : Tensor());
  const Tensor symmetric = tril(m) + transposed(tril(m, -1));
  const Tensor right = sum_of(grad_q, matmul(q, symmetric));  // the gradient times r^T
  return transposed(solve(r, transposed(right)));
}

}  // namespace

Tensor qr_gradient(const Tensor& q, const Tensor& r, const Tensor& grad_q, const Tensor& grad_r) {
  const std::int64_t rows = r.size(-2), columns = r.size(-1);
  if (rows == columns) return square_qr_gradient(q, r, grad_q, grad_r);
  // a = [x, y] = q [u, q^T y]: y's part of the gradient goes through q as well.
  const Tensor u = r.narrow(-1, 0, rows), rest = r.narrow(-1, rows, columns - rows);
  const Tensor grad_u = grad_r.defined() ? grad_r.narrow(-1, 0, rows) : grad_r, grad_rest = grad_r.defined() ? grad_r.narrow(-1, rows, columns - rows) : grad_r;
  const Tensor y = matmul(q, rest);
  const Tensor all_q = sum_of(grad_q, grad_rest.defined() ? matmul(y, transposed(grad_rest)) : Tensor());
  const Tensor x_part = square_qr_gradient(q, u, all_q, grad_u);
  return cat({x_part, grad_rest.defined() ? matmul(q, grad_rest) : y * 0.0}, -1);
}

Tensor svd_gradient(const Tensor& u, const Tensor& s, const Tensor& v, const Tensor& grad_u, const Tensor& grad_s, const Tensor& grad_v) {
  const std::int64_t k = s.size(-1);
  const Tensor row = s.unsqueeze(-2), column = s.unsqueeze(-1), one = eye(k, {}, {.dtype = s.dtype(), .device = s.device()});
  Tensor core;  // u^T grad v
  if (grad_s.defined()) core = grad_s.unsqueeze(-1) * one;
  if (grad_u.defined() || grad_v.defined()) {
    const Tensor gaps = (1.0 - one) / (row * row - column * column + one);  // 1 / (s_j^2 - s_i^2), 0 on the diagonal
    const auto turned = [&](const Tensor& factor, const Tensor& grad) {
      const Tensor p = matmul(transposed(factor), grad);
      return (p - transposed(p)) * gaps;
    };
    if (grad_u.defined()) core = sum_of(core, turned(u, grad_u) * row);
    if (grad_v.defined()) core = sum_of(core, turned(v, grad_v) * column);
  }
  // What of a factor's gradient lies outside the space that the factor spans.
  const auto outside = [&](const Tensor& factor, const Tensor& grad) {
    if (!grad.defined() || factor.size(-2) == k) return Tensor();
    return (grad - matmul(factor, matmul(transposed(factor), grad))) / row;
  };
  const Tensor beyond_u = outside(u, grad_u), beyond_v = outside(v, grad_v);
  Tensor result = product(sum_of(matmul(u, core), beyond_u), transposed(v));
  if (beyond_v.defined()) result = result + matmul(u, transposed(beyond_v));
  return result;
}

}  // namespace tasuki::ops
