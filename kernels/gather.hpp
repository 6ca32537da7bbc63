#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// out[.., j, ..] = x[.., index[.., j, ..], ..] along `dim`. out and index have one shape; x is at least as large in every other
/// dimension. Any strides; index i64 or i32. Throws IndexError for an index outside [0, x.size(dim)).
void gather(const View& x, int dim, const View& index, const View& out);

/// The adjoint: out[.., index[.., j, ..], ..] += source[.., j, ..] for j in order, after zeroing out unless `accumulate`. Floating
/// dtypes; sums of bf16 and f16 are carried in f32. out is dense; indices have been checked.
void scatter_add(const View& source, int dim, const View& index, const View& out, bool accumulate);

/// out[.., index[.., j, ..], ..] = source[.., j, ..] for j in order, so that the last of equal indices wins. Any dtype and strides;
/// source and index have one shape; indices have been checked.
void scatter(const View& source, int dim, const View& index, const View& out);

/// view = 0, for dense views; large ones on several threads.
void zero_dense(const View& view);

}  // namespace tasuki::kernels::cpu
