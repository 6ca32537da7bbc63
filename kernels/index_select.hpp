#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/view.hpp"

/// Slices of a tensor, copied out of it and added into it, by a list of indices. Any strides. `index` is i64 or i32; it has one
/// dimension, or is contiguous and counts as a flat list.
namespace tasuki::kernels::cpu {

/// An index that select_slices answers with zeros, and add_slices leaves out.
inline constexpr std::int64_t skip_none = -1;

/// out[.., i, ..] = x[.., index[i], ..] along `dim`. Any dtype. The indices have been checked.
void select_slices(const View& x, int dim, const View& index, const View& out, std::int64_t skipped = skip_none);

/// The adjoint: out[.., index[i], ..] += source[.., i, ..] for i in order, after zeroing out unless `accumulate`. Floating dtypes;
/// sums of bf16 and f16 are carried in f32. out is dense. `workspace` has add_slices_workspace(index.numel) bytes.
void add_slices(const View& source, int dim, const View& index, const View& out, bool accumulate, void* workspace, std::int64_t skipped = skip_none);
std::size_t add_slices_workspace(std::int64_t indices);

/// out[.., index[i], ..] = source[.., i, ..] for i in order: the last of equal indices wins. Any dtype; source's strides may be 0. The
/// indices have been checked.
void put_slices(const View& source, int dim, const View& index, const View& out);

/// One index and its place in the list.
struct IndexEntry {
  std::int64_t row, position;
};
/// out[c] (+)= sum over entries of source[position * slice_stride + c * source_stride], for c < columns <= most_columns.
struct SliceSum {
  const void* source;
  std::int64_t slice_stride, source_stride;
  void* out;
  std::int64_t out_stride, columns;
  bool accumulate;
};
inline constexpr std::int64_t most_columns = 1024;
TASUKI_PER_ISA(void sum_slices(DType dtype, const SliceSum& sum, const IndexEntry* begin, const IndexEntry* end))

}  // namespace tasuki::kernels::cpu
