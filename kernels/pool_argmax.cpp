#include "kernels/pool_argmax.hpp"

#include <algorithm>
#include <vector>

#include "kernels/extremum.hpp"
#include "kernels/parallel.hpp"
#include "kernels/planes.hpp"

namespace tasuki::kernels::cpu {
namespace {

template <class A>
std::int64_t argmax(const A* plane, const TapGrid& g, std::int64_t d, std::int64_t h, std::int64_t w) {
  const TapWindow depth = g.of[0][d], height = g.of[1][h], width = g.of[2][w];
  std::int64_t best = (depth.begin * g.size[1] + height.begin) * g.size[2] + width.begin;
  A peak = plane[best];
  for (std::int64_t i = depth.begin; i < depth.end; i += depth.step)
    for (std::int64_t j = height.begin; j < height.end; j += height.step) {
      const std::int64_t row = (i * g.size[1] + j) * g.size[2];
      for (std::int64_t k = width.begin; k < width.end; k += width.step) {
        const A v = plane[row + k];
        if (!(v > peak) && v == v) continue;
        if (peak != peak) return best;
        peak = v;
        best = row + k;
      }
    }
  return best;
}

/// All windows of an image: for each row of windows the best of each column first, then the best of the columns; of equals the first
/// in row-major order, and the first NaN before all.
template <class A>
void argmax_of_image(const A* plane, const TapGrid& g, DType dtype, std::int64_t* to) {
  const std::int64_t columns = g.size[2];
  std::vector<A> best(static_cast<std::size_t>(columns));
  std::vector<std::int64_t> row(static_cast<std::size_t>(columns));
  for (std::int64_t h = 0; h < g.count[1]; ++h) {
    const TapWindow height = g.of[1][h];
    const std::int64_t rows = (height.end - height.begin + height.step - 1) / height.step, stride = height.step * columns;
    for (std::int64_t first = 0; first < columns; first += extremum_columns)
      TASUKI_ON_ISA(extremum_of_columns)(dtype, plane + height.begin * columns + first, rows, stride, std::min(extremum_columns, columns - first), true, best.data() + first,
                                         row.data() + first);
    for (std::int64_t w = 0; w < g.count[2]; ++w) {
      const TapWindow width = g.of[2][w];
      std::int64_t at = width.begin, at_row = row[static_cast<std::size_t>(at)];
      A peak = best[static_cast<std::size_t>(at)];
      for (std::int64_t k = width.begin + width.step; k < width.end; k += width.step) {
        const A v = best[static_cast<std::size_t>(k)];
        const std::int64_t v_row = row[static_cast<std::size_t>(k)];
        const bool same = v == peak || (v != v && peak != peak);
        if (same ? v_row < at_row : peak == peak && (v > peak || v != v)) peak = v, at = k, at_row = v_row;
      }
      *to++ = (height.begin + at_row * height.step) * columns + at;
    }
  }
}

}  // namespace

void pool_argmax(const View& x, const View& index, const TapGrid& grid) {
  const std::int64_t outputs = grid.count[0] * grid.count[1] * grid.count[2], pixels = grid.size[0] * grid.size[1] * grid.size[2];
  if (index.numel == 0) return;
  std::int64_t* to = index.as<std::int64_t>();
  const auto of_planes = [&]<class A>(A, DType dtype) {
    const std::int64_t planes = index.numel / outputs, shape[] = {planes, 1, pixels}, strides[] = {pixels, pixels, 1};
    View rows = x;
    rows.shape = shape;
    rows.strides = strides;
    rows.ndim = 3;
    parallel_for(planes, 1 + 16384 / std::max(pixels, outputs), [&](std::int64_t begin, std::int64_t end) {
      Planes from(rows, dtype);
      for (std::int64_t p = begin; p < end; ++p) {
        const A* plane = static_cast<const A*>(from.read(p));
        const TapGrid g = grid.of_plane(p);
        if (g.size[0] == 1 && g.size[1] > 1 && g.size[2] >= 8) {
          argmax_of_image(plane, g, dtype, to + p * outputs);
          continue;
        }
        std::int64_t at = p * outputs;
        for (std::int64_t d = 0; d < g.count[0]; ++d)
          for (std::int64_t h = 0; h < g.count[1]; ++h)
            for (std::int64_t w = 0; w < g.count[2]; ++w) to[at++] = argmax(plane, g, d, h, w);
      }
    });
  };
  if (x.dtype == f64) of_planes(double{}, f64);
  else of_planes(float{}, f32);
}

}  // namespace tasuki::kernels::cpu
