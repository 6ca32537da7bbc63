#include "kernels/lines.hpp"

namespace tasuki::kernels::cpu {

Lines lines_along(int dim, const View* const* operands, int count) {
  static constexpr std::int64_t nowhere[8] = {};  // the strides of operands that are not there
  const View& first = *operands[0];
  const std::int64_t* strides[Lines::most_operands];
  for (int k = 0; k < Lines::most_operands; ++k) strides[k] = k < count ? operands[k]->strides : nowhere;
  Lines lines;
  lines.outer = {first.shape, first.ndim, dim, strides};
  if (first.ndim > 0) lines.line.size = first.shape[dim];  // a 0-d operand is one line of one element
  const int inner = lines.outer.count - 1;
  for (int k = 0; k < Lines::most_operands; ++k) {
    if (first.ndim > 0) lines.line.stride[k] = strides[k][dim];
    if (inner >= 0) lines.row.stride[k] = lines.outer.stride[k][inner];
  }
  if (inner >= 0) {
    lines.row.size = lines.outer.size[inner];
    lines.outer.count = inner;
  }
  for (int d = 0; d < lines.outer.count; ++d) lines.outer_count *= lines.outer.size[d];
  return lines;
}

}  // namespace tasuki::kernels::cpu
