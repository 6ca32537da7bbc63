// Pooling of row-major planes, a row of windows at a time.
#include "kernels/pool_planes.hpp"

#include "kernels/vectorize.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

/// Windows `begin` to `end` see the element at row[stride * window] as their place number `tap`.
template <class C, class Stride>
[[gnu::always_inline]] inline void take_larger(const C* row, Stride stride, std::int64_t begin, std::int64_t end, std::int32_t tap, C* best, std::int32_t* place) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t o = begin; o < end; ++o) {
    const C v = row[stride() * o], b = best[o];
    const bool take = (place[o] < 0) | (v > b) | ((v != v) & (b == b));  // the first NaN stays
    best[o] = take ? v : b;
    place[o] = take ? tap : place[o];
  }
}

template <int stride>
struct Fixed {
  [[gnu::always_inline]] constexpr std::int64_t operator()() const { return stride; }
};
struct Any {
  std::int64_t stride;
  [[gnu::always_inline]] std::int64_t operator()() const { return stride; }
};

template <class C>
void max_of(const MaxPlane& p, const C* x, C* y, std::int32_t* place) {
  const auto& [depth, height, width] = p.windows;
  const std::int64_t count = p.count[2], stride = width.stride;
  for (std::int64_t od = 0; od < p.count[0]; ++od)
    for (std::int64_t oh = 0; oh < p.count[1]; ++oh, y += count, place += count) {
      for (std::int64_t o = 0; o < count; ++o) place[o] = -1, y[o] = -static_cast<C>(__builtin_inf());
      for (std::int64_t k = 0; k < depth.kernel; ++k) {
        const std::int64_t slice = od * depth.stride - depth.padding + k * depth.dilation;
        if (slice < 0 || slice >= p.size[0]) continue;
        for (std::int64_t i = 0; i < height.kernel; ++i) {
          const std::int64_t line = oh * height.stride - height.padding + i * height.dilation;
          if (line < 0 || line >= p.size[1]) continue;
          const C* row = x + (slice * p.size[1] + line) * p.size[2];
          for (std::int64_t j = 0; j < width.kernel; ++j) {
            const std::int64_t shift = j * width.dilation - width.padding, last = p.size[2] - 1 - shift;
            if (last < 0) continue;
            const std::int64_t begin = shift < 0 ? (-shift + stride - 1) / stride : 0, all = last / stride + 1, end = all < count ? all : count;
            const auto tap = static_cast<std::int32_t>((k * height.kernel + i) * width.kernel + j);
            if (stride == 1) take_larger(row + shift, Fixed<1>{}, begin, end, tap, y, place);
            else if (stride == 2) take_larger(row + shift, Fixed<2>{}, begin, end, tap, y, place);
            else take_larger(row + shift, Any{stride}, begin, end, tap, y, place);
          }
        }
      }
      for (std::int64_t o = 0; o < count; ++o) place[o] = place[o] < 0 ? 0 : place[o];
    }
}

/// Calls f(window, offset of its first place) for the windows that have one inside the image.
template <class F>
[[gnu::always_inline]] inline void for_each_window(const MaxPlane& p, F f) {
  const auto& [depth, height, width] = p.windows;
  std::int64_t window = 0;
  for (std::int64_t od = 0; od < p.count[0]; ++od)
    for (std::int64_t oh = 0; oh < p.count[1]; ++oh) {
      const std::int64_t row = ((od * depth.stride - depth.padding) * p.size[1] + oh * height.stride - height.padding) * p.size[2] - width.padding;
      const bool none = p.is_empty[0][od] | p.is_empty[1][oh];
      for (std::int64_t ow = 0; ow < p.count[2]; ++ow, ++window)
        if (!(none | p.is_empty[2][ow])) f(window, row + ow * width.stride);
    }
}

template <class C>
void mean_of(const MeanPlane& p, const C* x, C* y, C* row) {
  const std::int64_t width = p.size[2];
  for (std::int64_t od = 0; od < p.count[0]; ++od)
    for (std::int64_t oh = 0; oh < p.count[1]; ++oh) {
      const MeanWindow &d = p.windows[0][od], &h = p.windows[1][oh];
      for (std::int64_t j = 0; j < width; ++j) row[j] = 0;
      for (std::int64_t k = d.begin; k < d.end; ++k)
        for (std::int64_t i = h.begin; i < h.end; ++i) {
          const C* from = x + (k * p.size[1] + i) * width;
          TASUKI_INDEPENDENT_ITERATIONS
          for (std::int64_t j = 0; j < width; ++j) row[j] += from[j];
        }
      for (std::int64_t ow = 0; ow < p.count[2]; ++ow) {
        const MeanWindow& w = p.windows[2][ow];
        C sum = 0;
        for (std::int64_t j = w.begin; j < w.end; ++j) sum += row[j];
        *y++ = sum / static_cast<C>(d.length * h.length * w.length);
      }
    }
}

template <class C>
void spread_of(const MeanPlane& p, const C* dy, C* dx, C* row) {
  const std::int64_t width = p.size[2];
  for (std::int64_t od = 0; od < p.count[0]; ++od)
    for (std::int64_t oh = 0; oh < p.count[1]; ++oh) {
      const MeanWindow &d = p.windows[0][od], &h = p.windows[1][oh];
      for (std::int64_t j = 0; j < width; ++j) row[j] = 0;
      for (std::int64_t ow = 0; ow < p.count[2]; ++ow) {
        const MeanWindow& w = p.windows[2][ow];
        const C share = *dy++ / static_cast<C>(d.length * h.length * w.length);
        for (std::int64_t j = w.begin; j < w.end; ++j) row[j] += share;
      }
      for (std::int64_t k = d.begin; k < d.end; ++k)
        for (std::int64_t i = h.begin; i < h.end; ++i) {
          C* to = dx + (k * p.size[1] + i) * width;
          TASUKI_INDEPENDENT_ITERATIONS
          for (std::int64_t j = 0; j < width; ++j) to[j] += row[j];
        }
    }
}

}  // namespace

/// Calls the statement with C standing for the type of the planes.
#define TASUKI_OF_PLANES(statement)   \
  if (dtype == DType::f64) {          \
    using C = double;                 \
    statement;                        \
  } else {                            \
    using C = float;                  \
    statement;                        \
  }

void max_plane(DType dtype, const MaxPlane& p, const void* x, void* y, std::int32_t* place) {
  TASUKI_OF_PLANES(max_of(p, static_cast<const C*>(x), static_cast<C*>(y), place))
}
void max_plane_scatter(DType dtype, const MaxPlane& p, const void* dy, const std::int32_t* place, void* dx) {
  TASUKI_OF_PLANES(for_each_window(p, [&](std::int64_t window, std::int64_t first) { static_cast<C*>(dx)[first + p.delta[place[window]]] += static_cast<const C*>(dy)[window]; }))
}
void max_plane_gather(DType dtype, const MaxPlane& p, const void* x, const std::int32_t* place, void* y) {
  TASUKI_OF_PLANES(for_each_window(p, [&](std::int64_t window, std::int64_t first) { static_cast<C*>(y)[window] = static_cast<const C*>(x)[first + p.delta[place[window]]]; }))
}
void mean_plane(DType dtype, const MeanPlane& p, const void* x, void* y, void* row) {
  TASUKI_OF_PLANES(mean_of(p, static_cast<const C*>(x), static_cast<C*>(y), static_cast<C*>(row)))
}
void mean_plane_spread(DType dtype, const MeanPlane& p, const void* dy, void* dx, void* row) {
  TASUKI_OF_PLANES(spread_of(p, static_cast<const C*>(dy), static_cast<C*>(dx), static_cast<C*>(row)))
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
