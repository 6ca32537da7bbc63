// Pooling of planes: what the rows of pool_planes.simd.cpp are told, and planes for each thread.
#include "kernels/pool_planes.hpp"

#include <algorithm>
#include <vector>

#include "kernels/parallel.hpp"
#include "kernels/planes.hpp"

namespace tasuki::kernels::cpu {
namespace {

void sizes_of(const View& v, std::int64_t (&sizes)[3]) {
  for (int d = 0; d < 3; ++d) sizes[d] = v.ndim > 4 - d ? v.size(d - 3) : 1;
}

/// What a pooling of planes needs to know, and owns.
class MaxPlaneTables {
 public:
  MaxPlaneTables(const View& x, const View& y, const MaxGrid& grid) {
    sizes_of(x, plane_.size);
    sizes_of(y, plane_.count);
    for (int d = 0; d < 3; ++d) {
      const MaxWindows& w = plane_.windows[d] = grid[static_cast<std::size_t>(d)];
      for (std::int64_t o = 0; o < plane_.count[d]; ++o) {
        bool empty = true;
        for (std::int64_t k = 0; k < w.kernel; ++k) {
          const std::int64_t at = o * w.stride - w.padding + k * w.dilation;
          empty &= at < 0 || at >= plane_.size[d];
        }
        empty_[d].push_back(empty);
      }
      plane_.is_empty[d] = empty_[d].data();
    }
    const auto& [depth, height, width] = plane_.windows;
    for (std::int64_t k = 0; k < depth.kernel; ++k)
      for (std::int64_t i = 0; i < height.kernel; ++i)
        for (std::int64_t j = 0; j < width.kernel; ++j)
          delta_.push_back((k * depth.dilation * plane_.size[1] + i * height.dilation) * plane_.size[2] + j * width.dilation);
    plane_.delta = delta_.data();
  }
  const MaxPlane& plane() const { return plane_; }

 private:
  MaxPlane plane_;
  std::vector<std::int64_t> delta_;
  std::vector<std::uint8_t> empty_[3];
};

/// The dtype of planes that kernels see.
DType plane_dtype(DType dtype) { return dtype == f64 ? f64 : f32; }

/// Calls f(first plane, past the last) for chunks of the planes of x.
template <class F>
void for_plane_chunks(const View& x, F&& f) {
  std::int64_t pixels = 1;
  for (int d = 2; d < x.ndim; ++d) pixels *= x.size(d);
  parallel_for(x.size(0) * x.size(1), std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(1, pixels)), f);
}

/// Planes of x and of an index on one side, y or dx on the other.
template <class F>
void with_places(const View& from, const View& index, const View& to, const View& chunked, F&& f) {
  for_plane_chunks(chunked, [&](std::int64_t begin, std::int64_t end) {
    Planes source(from, plane_dtype(from.dtype)), place(index, i32), target(to, plane_dtype(to.dtype));
    for (std::int64_t p = begin; p < end; ++p) {
      f(source.read(p), static_cast<const std::int32_t*>(place.read(p)), target.zeros(p));
      target.write(p);
    }
  });
}

/// Calls f(dtype, what it is told, elements of `from`, elements of `to`, room for a row) for each plane; `to` begins as zeros where f adds.
/// `image` and `pooled` are the two in either order.
template <class F>
void with_mean_planes(const View& from, const View& to, bool adds, const View& image, const View& pooled, const MeanGrid& grid, F f) {
  MeanPlane plane;
  sizes_of(image, plane.size);
  sizes_of(pooled, plane.count);
  for (int d = 0; d < 3; ++d) plane.windows[d] = grid[static_cast<std::size_t>(d)];
  const DType dtype = plane_dtype(image.dtype);
  for_plane_chunks(image, [&](std::int64_t begin, std::int64_t end) {
    Planes source(from, dtype), target(to, dtype);
    std::vector<double> row(static_cast<std::size_t>(plane.size[2]));  // of f32 or f64
    for (std::int64_t p = begin; p < end; ++p) {
      f(dtype, plane, source.read(p), adds ? target.zeros(p) : target.room(p), row.data());
      target.write(p);
    }
  });
}

}  // namespace

void max_pool_planes(const View& x, const View& y, const View& index, const MaxGrid& grid) {
  const MaxPlaneTables tables(x, y, grid);
  const DType dtype = plane_dtype(x.dtype);
  for_plane_chunks(x, [&](std::int64_t begin, std::int64_t end) {
    Planes from(x, dtype), to(y, dtype), place(index, i32);
    for (std::int64_t p = begin; p < end; ++p) {
      TASUKI_ON_ISA(max_plane)(dtype, tables.plane(), from.read(p), to.room(p), static_cast<std::int32_t*>(place.room(p)));
      to.write(p);
      place.write(p);
    }
  });
}

void max_pool_scatter_planes(const View& dy, const View& index, const View& dx, const MaxGrid& grid) {
  const MaxPlaneTables tables(dx, dy, grid);
  with_places(dy, index, dx, dx, [&](const void* from, const std::int32_t* place, void* to) {
    TASUKI_ON_ISA(max_plane_scatter)(plane_dtype(dx.dtype), tables.plane(), from, place, to);
  });
}

void max_pool_gather(const View& x, const View& index, const View& y, const MaxGrid& grid) {
  if (y.numel == 0) return;
  const MaxPlaneTables tables(x, y, grid);
  with_places(x, index, y, x, [&](const void* from, const std::int32_t* place, void* to) {
    TASUKI_ON_ISA(max_plane_gather)(plane_dtype(x.dtype), tables.plane(), from, place, to);
  });
}

void mean_pool_planes(const View& x, const View& y, const MeanGrid& grid) {
  with_mean_planes(x, y, false, x, y, grid, TASUKI_ON_ISA(mean_plane));
}

void mean_pool_spread_planes(const View& dy, const View& dx, const MeanGrid& grid) {
  with_mean_planes(dy, dx, true, dx, dy, grid, TASUKI_ON_ISA(mean_plane_spread));
}

}  // namespace tasuki::kernels::cpu
