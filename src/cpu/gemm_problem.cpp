#include <algorithm>

#include "src/cpu/gemm.hpp"
#include "src/cpu/gemm_normalize.hpp"

namespace tasuki::cpu {

double GemmProblem::flops() const {
  double count = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  for (int d = 0; d < batch_dims; ++d) count *= static_cast<double>(batch[d]);
  return count;
}

bool is_gemm_layout(std::int64_t rows, std::int64_t columns, std::int64_t row_stride, std::int64_t column_stride) {
  const bool row_major = (column_stride == 1 || columns == 1) && (row_stride >= columns || rows == 1);
  const bool column_major = (row_stride == 1 || rows == 1) && (column_stride >= rows || columns == 1);
  return row_major || column_major;
}

namespace {

std::int64_t batch_size(const View& v, int d, int dims) {
  const int own = v.ndim - 2 - (dims - d);
  return own < 0 ? 1 : v.size(own);
}

GemmProblem::Matrix matrix_of(const GemmOperand& o, int batch_dims) {
  GemmProblem::Matrix m;
  m.row = o.view.stride(o.transposed ? -1 : -2);
  m.column = o.view.stride(o.transposed ? -2 : -1);
  for (int d = 0; d < batch_dims; ++d) {
    const int own = o.view.ndim - 2 - (batch_dims - d);
    m.batch[d] = own < 0 || o.view.size(own) == 1 ? 0 : o.view.stride(own);
  }
  return m;
}

/// A dimension of size 1 may have any stride; oneDNN wants the one it would have in a dense matrix.
void settle_single(GemmProblem::Matrix& m, std::int64_t rows, std::int64_t columns) {
  if (columns == 1) m.column = 1;
  if (rows == 1) m.row = m.column == 1 ? columns : 1;
}

void settle(GemmProblem& p) {
  settle_single(p.a, p.m, p.k);
  settle_single(p.b, p.k, p.n);
  settle_single(p.c, p.m, p.n);
}

void erase_batch(GemmProblem& p, int d) {
  for (int i = d; i + 1 < p.batch_dims; ++i) {
    p.batch[i] = p.batch[i + 1];
    for (GemmProblem::Matrix* m : {&p.a, &p.b, &p.c}) m->batch[i] = m->batch[i + 1];
  }
  --p.batch_dims;
}

/// Turns the innermost batch dimension into more rows (columns, inner steps) of one matrix product where strides allow it.
bool fold_last_batch(GemmProblem& p) {
  const int d = p.batch_dims - 1;
  const std::int64_t a = p.a.batch[d], b = p.b.batch[d], c = p.c.batch[d];
  if (b == 0 && a == p.m * p.a.row && c == p.m * p.c.row) {
    p.m *= p.batch[d];
  } else if (a == 0 && !p.has_bias && b == p.n * p.b.column && c == p.n * p.c.column) {
    p.n *= p.batch[d];
  } else if (c == 0 && !p.has_bias && a == p.k * p.a.column && b == p.k * p.b.row) {
    p.k *= p.batch[d];
  } else if (c == 0 && !p.has_bias && p.k == 1 && is_gemm_layout(p.m, p.batch[d], p.a.row, a) && is_gemm_layout(p.batch[d], p.n, b, p.b.column)) {
    p.k = p.batch[d];  // a sum of products of single columns with single rows, whose strides are those of the batch
    p.a.column = a;
    p.b.row = b;
  } else {
    return false;
  }
  erase_batch(p, d);
  return true;
}

}  // namespace

GemmProblem gemm_problem(GemmOperand a, GemmOperand b, GemmOperand c, bool has_bias) {
  GemmProblem p;
  p.dtype = c.view.dtype;
  p.m = a.view.size(a.transposed ? -1 : -2);
  p.k = a.view.size(a.transposed ? -2 : -1);
  p.n = b.view.size(b.transposed ? -2 : -1);
  p.has_bias = has_bias;
  p.batch_dims = std::max({a.view.ndim, b.view.ndim, c.view.ndim}) - 2;
  for (int d = 0; d < p.batch_dims; ++d) {
    p.batch[d] = 1;
    for (const View* v : {&a.view, &b.view, &c.view})
      if (const std::int64_t size = batch_size(*v, d, p.batch_dims); size != 1) p.batch[d] = size;
  }
  p.a = matrix_of(a, p.batch_dims);
  p.b = matrix_of(b, p.batch_dims);
  p.c = matrix_of(c, p.batch_dims);
  return p;
}

GemmProblem normalized(GemmProblem p) {
  for (int d = p.batch_dims - 1; d >= 0; --d)
    if (p.batch[d] == 1) erase_batch(p, d);
  settle(p);
  while (p.batch_dims > 0 && fold_last_batch(p)) settle(p);
  for (int d = p.batch_dims - 1; d > 0; --d) {
    const auto joins = [&](const GemmProblem::Matrix& m) { return m.batch[d - 1] == m.batch[d] * p.batch[d]; };
    if (!joins(p.a) || !joins(p.b) || !joins(p.c)) continue;
    p.batch[d] *= p.batch[d - 1];
    erase_batch(p, d - 1);
  }
  return p;
}

}  // namespace tasuki::cpu
