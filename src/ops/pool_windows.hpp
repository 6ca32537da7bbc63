#pragma once
#include <string>

#include "kernels/pool.hpp"
#include "src/ops/spatial.hpp"
#include "tasuki/ops/pool.hpp"

/// Where the windows of poolings lie.
namespace tasuki::ops {

/// The stride, which is the kernel's size where none was given.
SpatialInts settled(const SpatialInts& stride, const SpatialInts& kernel);
std::string window_text(const SpatialInts& kernel, const SpatialInts& stride);
/// The options for depth, height, width; throws for those that cannot work.
kernels::cpu::MaxGrid make_grid(int dims, const SpatialInts& kernel, const SpatialInts& stride, const SpatialInts& padding, const SpatialInts& dilation);
Spatial pooled_sizes(const Spatial& sizes, const kernels::cpu::MaxGrid& grid, bool ceil_mode);

}  // namespace tasuki::ops
