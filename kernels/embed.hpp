#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// out = 0, then out seen through (offset, strides) += part, which has part's shape. `out` is dense. The adjoint of a view:
/// places that overlap add up, in row-major order of `part`.
void embed(const View& part, const View& out, std::int64_t offset, const std::int64_t* strides, bool overlaps);

}  // namespace tasuki::kernels::cpu
