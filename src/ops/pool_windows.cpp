#include "src/ops/pool_windows.hpp"

namespace tasuki::ops {

using kernels::cpu::MaxGrid;
using kernels::cpu::MaxWindows;

SpatialInts settled(const SpatialInts& stride, const SpatialInts& kernel) { return stride == stride_of_kernel ? kernel : stride; }

std::string window_text(const SpatialInts& kernel, const SpatialInts& stride) {
  return "kernel=" + kernel.to_string() + ", stride=" + settled(stride, kernel).to_string();
}

MaxGrid make_grid(int dims, const SpatialInts& kernel, const SpatialInts& stride, const SpatialInts& padding, const SpatialInts& dilation) {
  const Spatial kernels = ops::spatial_option("kernel", kernel, dims, 1, 1);
  const Spatial strides = ops::spatial_option("stride", settled(stride, kernel), dims, 1, 1);
  const Spatial paddings = ops::spatial_option("padding", padding, dims, 0, 0);
  const Spatial dilations = ops::spatial_option("dilation", dilation, dims, 1, 1);
  MaxGrid grid;
  for (std::size_t d = 0; d < 3; ++d) {
    TASUKI_CHECK(ValueError, 2 * paddings[d] <= kernels[d], "padding ", padding.to_string(), " is more than half of the kernel ", kernel.to_string());
    grid[d] = {kernels[d], strides[d], paddings[d], dilations[d]};
  }
  return grid;
}

static std::int64_t pooled_size(std::int64_t size, const MaxWindows& window, bool ceil_mode) {
  const std::int64_t span = window.dilation * (window.kernel - 1) + 1, padded = size + 2 * window.padding;
  TASUKI_CHECK(ShapeError, padded >= span, "a window covers ", span, " pixels, the padded image has ", padded);
  std::int64_t count = (padded - span + (ceil_mode ? window.stride - 1 : 0)) / window.stride + 1;
  if (ceil_mode && (count - 1) * window.stride >= size + window.padding) --count;
  return count;
}

Spatial pooled_sizes(const Spatial& sizes, const MaxGrid& grid, bool ceil_mode) {
  Spatial pooled;
  for (std::size_t d = 0; d < 3; ++d) pooled[d] = pooled_size(sizes[d], grid[d], ceil_mode);
  return pooled;
}

}  // namespace tasuki::ops
