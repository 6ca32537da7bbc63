#include "kernels/copy.hpp"

#include <algorithm>

#include "kernels/parallel.hpp"

namespace tasuki::kernels::cpu {

namespace {

/// A copy of [planes, rows, columns] whose rows run through the source and whose columns run through the target.
struct Transposition {
  std::int64_t planes, from_plane, to_plane, rows, columns, from_stride, to_stride;
};

/// Recognizes dense tensors of one dtype that differ by a swap of two groups of dimensions: NCHW to NHWC and back, and matrices.
bool is_transposition(const View& from, const View& to, Transposition& t) {
  if (from.dtype != to.dtype || from.ndim != to.ndim) return false;
  struct Dim {
    std::int64_t size, from, to;
  } dims[8];
  int n = 0;
  for (int d = 0; d < to.ndim; ++d) {
    if (from.shape[d] != to.shape[d]) return false;
    if (to.shape[d] == 1) continue;
    int at = n++;
    for (; at > 0 && dims[at - 1].to < to.strides[d]; --at) dims[at] = dims[at - 1];  // outermost of the target first
    dims[at] = {to.shape[d], from.strides[d], to.strides[d]};
  }
  int m = 0;
  for (int d = 0; d < n; ++d) {
    if (m && dims[m - 1].to == dims[d].to * dims[d].size && dims[m - 1].from == dims[d].from * dims[d].size)
      dims[m - 1] = {dims[m - 1].size * dims[d].size, dims[d].from, dims[d].to};
    else
      dims[m++] = dims[d];
  }
  if (m < 2 || m > 3) return false;
  const Dim& row = dims[m - 2];
  const Dim& column = dims[m - 1];
  if (column.to != 1 || row.from != 1) return false;
  t = {m == 3 ? dims[0].size : 1, m == 3 ? dims[0].from : 0, m == 3 ? dims[0].to : 0, row.size, column.size, column.from, row.to};
  return true;
}

}  // namespace

void copy(const View& from, const View& to) {
  Transposition t;
  if (!(from.contiguous && to.contiguous) && is_transposition(from, to, t)) {
    const auto size = static_cast<std::int64_t>(size_of(to.dtype));
    constexpr std::int64_t block = 32;
    const std::int64_t bands = (t.rows + block - 1) / block;
    const auto transpose = TASUKI_ON_ISA(transpose_block);
    parallel_for(t.planes * bands, std::max<std::int64_t>(1, 32768 / (block * t.columns)), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t plane = i / bands, row = i % bands * block;
        transpose(from.as<const char>() + (plane * t.from_plane + row) * size, t.from_stride, to.as<char>() + (plane * t.to_plane + row * t.to_stride) * size,
                  t.to_stride, std::min(block, t.rows - row), t.columns, static_cast<int>(size));
      }
    });
    return;
  }
  const View* operands[] = {&to, &from};
  for_each_row(TASUKI_ON_ISA(copy_row)(from.dtype, to.dtype), operands, 2, nullptr);
}

void convert_row(DType from_dtype, const void* from, std::int64_t from_step, DType to_dtype, void* to, std::int64_t to_step, std::int64_t n) {
  char* operands[] = {static_cast<char*>(to), const_cast<char*>(static_cast<const char*>(from))};
  const std::int64_t steps[] = {to_step, from_step};
  TASUKI_ON_ISA(copy_row)(from_dtype, to_dtype)(n, operands, steps, nullptr);
}

void fill(const View& to, double value) {
  const ScalarView scalar(value, to.dtype);
  copy(scalar.view(), to);
}

}  // namespace tasuki::kernels::cpu
