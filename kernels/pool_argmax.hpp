#pragma once
#include <cstdint>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// One window along one dimension: begin, begin + step, ... below end; all inside the image, and at least one.
struct TapWindow {
  std::int64_t begin = 0, end = 1, step = 1;
};
/// The windows along depth, height, width.
struct TapGrid {
  const TapWindow* of[3];
  std::int64_t count[3], size[3];  ///< windows, and pixels of the image
  bool each_plane = false;         ///< whether each plane has windows of its own, which follow those of the one before
  TapGrid of_plane(std::int64_t plane) const {
    TapGrid own = *this;
    for (int d = 0; d < 3 && each_plane; ++d) own.of[d] += plane * count[d];
    return own;
  }
};

/// index (i64, row-major) = where in its plane, row by row, the largest element of each window of x lies; NaN wins, of equals the first.
/// x is floating and row-major, [planes, pixels].
void pool_argmax(const View& x, const View& index, const TapGrid& grid);

}  // namespace tasuki::kernels::cpu
