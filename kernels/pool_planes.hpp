#pragma once
#include <cstdint>

#include "kernels/isa.hpp"
#include "kernels/pool.hpp"

namespace tasuki::kernels::cpu {

// The poolings of pool.hpp plane by plane, for operands of any strides.
void max_pool_planes(const View& x, const View& y, const View& index, const MaxGrid& grid);
void max_pool_scatter_planes(const View& dy, const View& index, const View& dx, const MaxGrid& grid);
void mean_pool_planes(const View& x, const View& y, const MeanGrid& grid);
void mean_pool_spread_planes(const View& dy, const View& dx, const MeanGrid& grid);

/// Max-pooling of one row-major plane [d, h, w].
struct MaxPlane {
  std::int64_t size[3], count[3];  ///< of the image and of its windows
  MaxWindows windows[3];
  const std::int64_t* delta;        ///< by place in the window: how far that lies from its first one
  const std::uint8_t* is_empty[3];  ///< by window of a dimension: no place of it lies inside the image
};
/// Means over the windows of one row-major plane.
struct MeanPlane {
  std::int64_t size[3], count[3];
  const MeanWindow* windows[3];
};

// Planes hold f32 or f64, whatever the operands do. `row` has room for one row of the image.

/// y = the largest element of each window, place = its place in the window.
TASUKI_PER_ISA(void max_plane(DType dtype, const MaxPlane& plane, const void* x, void* y, std::int32_t* place))
/// Adds each dy to the element of dx that its place names; and the transposed map.
TASUKI_PER_ISA(void max_plane_scatter(DType dtype, const MaxPlane& plane, const void* dy, const std::int32_t* place, void* dx))
TASUKI_PER_ISA(void max_plane_gather(DType dtype, const MaxPlane& plane, const void* x, const std::int32_t* place, void* y))
TASUKI_PER_ISA(void mean_plane(DType dtype, const MeanPlane& plane, const void* x, void* y, void* row))
/// Adds to dx.
TASUKI_PER_ISA(void mean_plane_spread(DType dtype, const MeanPlane& plane, const void* dy, void* dx, void* row))

}  // namespace tasuki::kernels::cpu
