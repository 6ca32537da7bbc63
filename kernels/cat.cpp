#include "kernels/cat.hpp"

#include <cstdint>

#include "kernels/copy.hpp"

namespace tasuki::kernels::cpu {

namespace {

/// True when a range of entries of `dim` lies in one piece of a row-major tensor.
bool outermost(const View& v, int dim) {
  for (int d = 0; d < dim; ++d)
    if (v.shape[d] != 1) return false;
  return v.contiguous;
}

void* entry(const View& v, int dim, std::int64_t number) {
  return v.as<char>() + number * v.strides[dim] * static_cast<std::int64_t>(size_of(v.dtype));
}

}  // namespace

void cat(const View* inputs, std::size_t count, int dim, const View& out) {
  if (out.numel == 0) return;
  const bool in_one_piece = outermost(out, dim);
  std::int64_t done = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const View& from = inputs[i];
    if (from.numel == 0) continue;
    copy(from, {entry(out, dim, done), from.shape, out.strides, from.numel, out.dtype, out.ndim, true, in_one_piece});
    done += from.shape[dim];
  }
}

void stack(const View* inputs, std::size_t count, int dim, const View& out) {
  if (out.numel == 0) return;
  const bool in_one_piece = outermost(out, dim);
  std::int64_t strides[8] = {};
  for (int d = 0; d < out.ndim - 1; ++d) strides[d] = out.strides[d < dim ? d : d + 1];
  for (std::size_t i = 0; i < count; ++i) {
    const View& from = inputs[i];
    copy(from, {entry(out, dim, static_cast<std::int64_t>(i)), from.shape, strides, from.numel, out.dtype, from.ndim, true, in_one_piece});
  }
}

}  // namespace tasuki::kernels::cpu
