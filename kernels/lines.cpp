#include "kernels/lines.hpp"

#include <cstdlib>
#include <utility>

namespace tasuki::kernels::cpu {

Lines lines_along(int dim, const View* const* operands, int count) {
  Lines lines;
  const View& first = *operands[0];
  Lines::Dim dims[8];
  int n = 0;
  for (int d = 0; d < first.ndim; ++d) {
    Lines::Dim own;
    own.size = first.shape[d];
    for (int k = 0; k < count; ++k) own.stride[k] = operands[k]->strides[d];
    if (d == dim) {
      lines.line = own;
    } else if (own.size != 1) {
      int at = n++;
      for (; at > 0 && std::abs(dims[at - 1].stride[0]) < std::abs(own.stride[0]); --at) dims[at] = dims[at - 1];
      dims[at] = own;
    }
  }
  int merged = 0;
  for (int d = 0; d < n; ++d) {
    bool joins = merged > 0;
    for (int k = 0; k < count && joins; ++k) joins = dims[merged - 1].stride[k] == dims[d].stride[k] * dims[d].size;
    if (joins) {
      dims[d].size *= dims[merged - 1].size;
      dims[merged - 1] = dims[d];
    } else {
      dims[merged++] = dims[d];
    }
  }
  if (merged > 0) lines.row = dims[merged - 1];
  lines.outer_dims = std::max(merged - 1, 0);
  for (int d = 0; d < lines.outer_dims; ++d) {
    lines.outer[d] = dims[d];
    lines.outer_count *= dims[d].size;
  }
  return lines;
}

}  // namespace tasuki::kernels::cpu
