#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Gradients of factorizations in ops; an undefined gradient of a factor counts as zeros.
namespace tasuki::ops {

/// Of a = q r. Where a has more columns than rows, its first ones must be independent.
Tensor qr_gradient(const Tensor& q, const Tensor& r, const Tensor& grad_q, const Tensor& grad_r);
/// Of a = u diag(s) v^T. Not finite where singular values are equal (or, for factors of a matrix that is not square, 0).
Tensor svd_gradient(const Tensor& u, const Tensor& s, const Tensor& v, const Tensor& grad_u, const Tensor& grad_s, const Tensor& grad_v);

}  // namespace tasuki::ops
