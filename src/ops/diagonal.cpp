#include "tasuki/ops/diagonal.hpp"

#include <cstdlib>

#include "src/ops/composed.hpp"
#include "src/ops/embed.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo diag_info{"diag", "x"}, diag_embed_info{"diag_embed", "x"}, trace_info{"trace", "x"};

/// The lines of the last dimension on diagonals of row-major matrices.
Tensor on_diagonals(const Tensor& x, std::int64_t offset, At at) {
  const int last = x.ndim() - 1;
  const std::int64_t n = x.size(last) + std::abs(offset);
  Shape whole = x.shape();
  whole[last] = n;
  whole.push_back(n);
  Strides strides = Strides::filled(x.ndim(), n + 1);
  std::int64_t step = n * n;
  for (int d = last - 1; d >= 0; --d) {
    strides[d] = step;
    step *= x.size(d);
  }
  return ops::embed(x, whole, strides, at, offset >= 0 ? offset : -offset * n);
}

}  // namespace

Tensor diag(const Tensor& x, std::int64_t offset, At at) {
  return ops::composed(diag_info, {&x}, at, [&] {
    if (x.ndim() == 2) return x.diagonal(offset, 0, 1, at);
    if (x.ndim() != 1) TASUKI_THROW(ShapeError, "expected  a vector or a matrix\nactual    ", x.shape());
    return on_diagonals(x, offset, at);
  });
}

Tensor diag_embed(const Tensor& x, std::int64_t offset, int dim1, int dim2, At at) {
  return ops::composed(diag_embed_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
    const int n = x.ndim() + 1, rows = normalize_dim(dim1, n), columns = normalize_dim(dim2, n);
    if (rows == columns) TASUKI_THROW(ShapeError, "expected  two different dimensions\nactual    dim1 = ", dim1, ", dim2 = ", dim2);
    const Tensor matrices = on_diagonals(x, offset, at);
    Dims order;
    for (int d = 0, next = 0; d < n; ++d) order.push_back(d == rows ? n - 2 : d == columns ? n - 1 : next++);
    return matrices.permute(order, at);
  });
}

Tensor trace(const Tensor& x, At at) {
  return ops::composed(trace_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), ==, 2);
    return sum(x.diagonal(0, 0, 1, at), at);
  });
}

}  // namespace tasuki
