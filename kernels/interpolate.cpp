#include "kernels/interpolate.hpp"

#include <algorithm>

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void resample(const View&, const View&, const AxisTaps (&)[3], bool, void*))

void resample(const View& x, const View& y, const AxisTaps (&axes)[3], bool accumulate, void* workspace) {
  if (y.numel == 0) return;
  TASUKI_ON_ISA(resample)(x, y, axes, accumulate, workspace);
}

// One row of the input for each of at most 64 chunks.
std::size_t resample_workspace(std::int64_t width_in, std::int64_t width_out, DType dtype) {
  return static_cast<std::size_t>(std::max(width_in, width_out)) * 64 * size_of(accumulate_type(dtype));
}

}  // namespace tasuki::kernels::cpu
