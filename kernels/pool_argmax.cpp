#include "kernels/pool_argmax.hpp"

#include <algorithm>

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

}  // namespace

void pool_argmax(const View& x, const View& index, const TapGrid& g) {
  const std::int64_t outputs = g.count[0] * g.count[1] * g.count[2], pixels = g.size[0] * g.size[1] * g.size[2];
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
