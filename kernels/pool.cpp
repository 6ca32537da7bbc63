// Pooling over [n, c, d, h, w]: where channels lie innermost in plain loops, else plane by plane (pool_planes.simd.cpp). The 2x2 pooling
// of row-major f32 images, which small networks live on, has its own rows in pool.simd.cpp.
#include "kernels/pool.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/parallel.hpp"
#include "kernels/pool_planes.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

namespace {

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;

template <class T>
struct Image {
  T* data;
  std::int64_t n, c, d = 1, h = 1, w, n_stride, c_stride, d_stride = 0, h_stride = 0, w_stride;
  explicit Image(const View& v)
      : data(v.as<T>()), n(v.size(0)), c(v.size(1)), w(v.size(-1)), n_stride(v.stride(0)), c_stride(v.stride(1)), w_stride(v.stride(-1)) {
    if (v.ndim > 3) h = v.size(-2), h_stride = v.stride(-2);
    if (v.ndim > 4) d = v.size(-3), d_stride = v.stride(-3);
  }
  /// One image of `channels` planes, of the same sizes as those of `o`; with its strides.
  template <class U>
  Image(T* first, std::int64_t channels, const Image<U>& o)
      : data(first), n(1), c(channels), d(o.d), h(o.h), w(o.w), n_stride(0), c_stride(o.c_stride), d_stride(o.d_stride), h_stride(o.h_stride), w_stride(o.w_stride) {}
  T* plane(std::int64_t i, std::int64_t channel) const { return data + i * n_stride + channel * c_stride; }
  std::int64_t offset(std::int64_t k, std::int64_t i, std::int64_t j) const { return k * d_stride + i * h_stride + j * w_stride; }
  std::int64_t pixels() const { return d * h * w; }
  void set_channels_innermost() {
    c_stride = 1;
    w_stride = c;
    h_stride = w * w_stride;
    d_stride = h * h_stride;
  }
  /// Calls f(depth, row, column) for all pixels in order.
  template <class F>
  void for_each_pixel(F&& f) const {
    for (std::int64_t k = 0; k < d; ++k)
      for (std::int64_t i = 0; i < h; ++i)
        for (std::int64_t j = 0; j < w; ++j) f(k, i, j);
  }
};

bool channels_innermost(const View& v) { return v.stride(1) == 1 && v.size(1) > 1; }

constexpr std::int64_t elements_per_chunk = 32768;
constexpr std::int64_t block_channels = 32;  // worked on together where channels lie innermost

std::int64_t planes_grain(std::int64_t elements_each) { return std::max<std::int64_t>(1, elements_per_chunk / std::max<std::int64_t>(1, elements_each)); }

/// Calls f(image, channel) for all planes, on several threads.
template <class T, class F>
void for_each_plane(const Image<T>& x, F&& f) {
  parallel_for(x.n * x.c, planes_grain(x.pixels()), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) f(p / x.c, p % x.c);
  });
}

/// Calls f(image, first channel, channels) for blocks of channels that are worked on together, on several threads.
template <class T, class F>
void for_each_channel_block(const Image<T>& x, F&& f) {
  const std::int64_t blocks = (x.c + block_channels - 1) / block_channels;
  parallel_for(x.n * blocks, planes_grain(x.pixels() * std::min(x.c, block_channels)), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t first = p % blocks * block_channels;
      f(p / blocks, first, std::min(block_channels, x.c - first));
    }
  });
}

/// Calls f(image, depth, row) for the rows of y, on several threads.
template <class T, class F>
void for_each_row(const Image<T>& y, std::int64_t taps, F&& f) {
  parallel_for(y.n * y.d * y.h, planes_grain(y.w * taps * y.c), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) f(r / (y.d * y.h), r / y.h % y.d, r % y.h);
  });
}

/// Before add_up.
template <class T>
void zero(const Image<T>& x) {
  if constexpr (std::is_same_v<T, Wide<T>>) std::memset(static_cast<void*>(x.data), 0, static_cast<std::size_t>(x.n * x.c * x.pixels()) * sizeof(T));
}

/// Calls f(an image) to add up planes of y, `channels` from the first. Windows overlap: halves are added up in f32 and rounded once.
template <class T, class F>
void add_up(const Image<T>& y, std::int64_t n, std::int64_t first, std::int64_t channels, F&& f) {
  if constexpr (std::is_same_v<T, Wide<T>>) {
    f(Image<T>(y.plane(n, first), channels, y));
  } else {
    std::vector<float> sums(static_cast<std::size_t>(channels * y.pixels()));
    Image<float> wide(sums.data(), channels, y);
    wide.set_channels_innermost();
    f(wide);
    T* const to = y.plane(n, first);
    y.for_each_pixel([&](std::int64_t k, std::int64_t i, std::int64_t j) {
      const float* const from = wide.data + wide.offset(k, i, j);
      for (std::int64_t c = 0; c < channels; ++c) to[y.offset(k, i, j) + c * y.c_stride] = T(from[c]);
    });
  }
}

/// Calls f(tap, offset) for the taps of window (od, oh, ow) that lie inside the image.
template <class T, class F>
void for_each_tap(const Image<T>& x, const MaxGrid& grid, std::int64_t od, std::int64_t oh, std::int64_t ow, F&& f) {
  const auto& [depth, height, width] = grid;
  for (std::int64_t k = 0; k < depth.kernel; ++k) {
    const std::int64_t slice = od * depth.stride - depth.padding + k * depth.dilation;
    if (slice < 0 || slice >= x.d) continue;
    for (std::int64_t i = 0; i < height.kernel; ++i) {
      const std::int64_t row = oh * height.stride - height.padding + i * height.dilation;
      if (row < 0 || row >= x.h) continue;
      for (std::int64_t j = 0; j < width.kernel; ++j) {
        const std::int64_t column = ow * width.stride - width.padding + j * width.dilation;
        if (column >= 0 && column < x.w) f((k * height.kernel + i) * width.kernel + j, x.offset(slice, row, column));
      }
    }
  }
}

/// Where a tap of a window lies in the image; false when it does not.
template <class T>
bool locate(const Image<T>& x, const MaxGrid& grid, std::int64_t tap, std::int64_t od, std::int64_t oh, std::int64_t ow, std::int64_t& offset) {
  const auto& [depth, height, width] = grid;
  const std::int64_t row_tap = tap / width.kernel;
  const std::int64_t column = ow * width.stride - width.padding + tap % width.kernel * width.dilation;
  const std::int64_t row = oh * height.stride - height.padding + row_tap % height.kernel * height.dilation;
  const std::int64_t slice = od * depth.stride - depth.padding + row_tap / height.kernel * depth.dilation;
  if (slice < 0 || slice >= x.d || row < 0 || row >= x.h || column < 0 || column >= x.w) return false;
  offset = x.offset(slice, row, column);
  return true;
}

/// True when `candidate` takes the place of `best`: it is larger, or the first NaN.
template <class V>
bool beats(V candidate, V best) {
  return candidate > best || (candidate != candidate && best == best);
}

template <class T>
T lowest() {
  return T(-std::numeric_limits<Wide<T>>::infinity());
}

template <class T, class I>
void max_channels_innermost(const Image<T>& x, const Image<T>& y, const Image<I>& index, const MaxGrid& grid) {
  for_each_row(y, grid[0].kernel * grid[1].kernel * grid[2].kernel, [&](std::int64_t n, std::int64_t od, std::int64_t oh) {
    const T* const from = x.plane(n, 0);
    for (std::int64_t ow = 0; ow < y.w; ++ow) {
      T* const to = y.plane(n, 0) + y.offset(od, oh, ow);
      I* const place = index.plane(n, 0) + index.offset(od, oh, ow);
      bool first = true;
      for_each_tap(x, grid, od, oh, ow, [&](std::int64_t tap, std::int64_t offset) {
        const T* const row = from + offset;
        for (std::int64_t c = 0; c < y.c; ++c) {
          const bool take = first || beats(static_cast<Wide<T>>(row[c]), static_cast<Wide<T>>(to[c]));
          to[c] = take ? row[c] : to[c];
          place[c] = take ? static_cast<I>(tap) : place[c];
        }
        first = false;
      });
      if (!first) continue;
      std::fill_n(to, y.c, lowest<T>());
      std::fill_n(place, y.c, I{});
    }
  });
}

bool is_2x2(const MaxGrid& grid) {
  for (const MaxWindows& w : {grid[1], grid[2]})
    if (w.kernel != 2 || w.stride != 2 || w.padding != 0 || w.dilation != 1) return false;
  return true;
}
bool has_row_major_planes(const View& v) { return v.stride(3) == 1 && v.stride(2) == v.size(3); }

/// Row-major f32 planes whose width the windows fill.
bool fits_2x2_rows(const View& x, const View& y, const View& index, const MaxGrid& grid) {
  constexpr std::int64_t widest = 2048;  // the rows' buffers on the stack
  return x.ndim == 4 && x.dtype == f32 && index.dtype == u8 && is_2x2(grid) && x.size(3) == 2 * y.size(3) && x.size(3) <= widest &&
         2 * y.size(2) <= x.size(2) && has_row_major_planes(x) && has_row_major_planes(y) && has_row_major_planes(index);
}

template <class F>
void visit_index(DType dtype, F&& f) {
  if (dtype == u8) f(std::uint8_t{});
  else f(std::int32_t{});
}

/// Adds the elements of planes of dy, from `first` on, to where their index points in as many planes of dx.
template <class T, class I>
void scatter(const Image<T>& dy, const Image<I>& index, const Image<Wide<T>>& dx, const MaxGrid& grid, std::int64_t n, std::int64_t first) {
  const T* const from = dy.plane(n, first);
  const I* const place = index.plane(n, first);
  dy.for_each_pixel([&](std::int64_t od, std::int64_t oh, std::int64_t ow) {
    const std::int64_t at = dy.offset(od, oh, ow), index_at = index.offset(od, oh, ow);
    for (std::int64_t c = 0; c < dx.c; ++c) {
      std::int64_t offset;
      if (locate(dx, grid, place[index_at + c * index.c_stride], od, oh, ow, offset))
        dx.data[offset + c * dx.c_stride] += static_cast<Wide<T>>(from[at + c * dy.c_stride]);
    }
  });
}

}  // namespace

void max_pool(const View& x, const View& y, const View& index, const MaxGrid& grid) {
  if (y.numel == 0) return;
  if (fits_2x2_rows(x, y, index, grid)) {
    const Image<float> from(x), to(y);
    const Image<std::uint8_t> place(index);
    return for_each_plane(from, [&](std::int64_t n, std::int64_t c) {
      TASUKI_ON_ISA(max_pool_2x2_rows)(from.plane(n, c), from.w, to.plane(n, c), place.plane(n, c), to.h, to.w);
    });
  }
  if (!channels_innermost(x) || !channels_innermost(y) || !channels_innermost(index)) return max_pool_planes(x, y, index, grid);
  visit_floating(x.dtype, [&]<class T>(T) {
    visit_index(index.dtype, [&]<class I>(I) { max_channels_innermost(Image<T>(x), Image<T>(y), Image<I>(index), grid); });
  });
}

void max_pool_scatter(const View& dy, const View& index, const View& dx, const MaxGrid& grid) {
  if (dx.numel == 0) return;
  if (fits_2x2_rows(dx, dy, index, grid)) {
    const Image<float> from(dy), to(dx);
    const Image<std::uint8_t> place(index);
    return for_each_plane(to, [&](std::int64_t n, std::int64_t c) {
      float* const plane = to.plane(n, c);
      TASUKI_ON_ISA(max_pool_2x2_scatter_rows)(from.plane(n, c), place.plane(n, c), plane, to.w, from.h, from.w);
      std::fill(plane + 2 * from.h * to.w, plane + to.h * to.w, 0.f);
    });
  }
  if (!channels_innermost(dx)) return max_pool_scatter_planes(dy, index, dx, grid);
  visit_floating(dx.dtype, [&]<class T>(T) {
    visit_index(index.dtype, [&]<class I>(I) {
      const Image<T> from(dy), to(dx);
      const Image<I> place(index);
      zero(to);
      for_each_channel_block(to, [&](std::int64_t n, std::int64_t first, std::int64_t channels) {
        add_up(to, n, first, channels, [&](const Image<Wide<T>>& sums) { scatter(from, place, sums, grid, n, first); });
      });
    });
  });
}

namespace {

/// One window of each dimension.
struct MeanBlock {
  const MeanWindow &d, &h, &w;
  MeanBlock(const MeanGrid& grid, std::int64_t od, std::int64_t oh, std::int64_t ow) : d(grid[0][od]), h(grid[1][oh]), w(grid[2][ow]) {}
  template <class A>
  A divisor() const {
    return static_cast<A>(d.length * h.length * w.length);
  }
  /// Calls f(offset) for the elements of an image that count.
  template <class T, class F>
  void for_each_offset(const Image<T>& x, F&& f) const {
    for (std::int64_t k = d.begin; k < d.end; ++k)
      for (std::int64_t i = h.begin; i < h.end; ++i)
        for (std::int64_t j = w.begin; j < w.end; ++j) f(x.offset(k, i, j));
  }
};

}  // namespace

void mean_pool(const View& x, const View& y, const MeanGrid& grid) {
  if (y.numel == 0) return;
  if (!channels_innermost(x) || !channels_innermost(y)) return mean_pool_planes(x, y, grid);
  visit_floating(x.dtype, [&]<class T>(T) {
    const Image<T> from(x), to(y);
    for_each_row(to, std::max<std::int64_t>(1, from.pixels() / to.pixels()), [&](std::int64_t n, std::int64_t od, std::int64_t oh) {
      std::vector<Wide<T>> sum(static_cast<std::size_t>(to.c));
      for (std::int64_t ow = 0; ow < to.w; ++ow) {
        const MeanBlock block(grid, od, oh, ow);
        std::fill(sum.begin(), sum.end(), Wide<T>{});
        block.for_each_offset(from, [&](std::int64_t at) {
          const T* const row = from.plane(n, 0) + at;
          for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<Wide<T>>(row[c]);
        });
        T* const out = to.plane(n, 0) + to.offset(od, oh, ow);
        for (std::size_t c = 0; c < sum.size(); ++c) out[c] = T(sum[c] / block.template divisor<Wide<T>>());
      }
    });
  });
}

void mean_pool_spread(const View& dy, const View& dx, const MeanGrid& grid) {
  if (dx.numel == 0) return;
  if (!channels_innermost(dx)) return mean_pool_spread_planes(dy, dx, grid);
  visit_floating(dx.dtype, [&]<class T>(T) {
    const Image<T> from(dy), to(dx);
    zero(to);
    for_each_channel_block(to, [&](std::int64_t n, std::int64_t first, std::int64_t channels) {
      add_up(to, n, first, channels, [&](const Image<Wide<T>>& sums) {
        from.for_each_pixel([&](std::int64_t od, std::int64_t oh, std::int64_t ow) {
          const MeanBlock block(grid, od, oh, ow);
          const T* const g = from.plane(n, first) + from.offset(od, oh, ow);
          Wide<T> terms[block_channels];
          for (std::int64_t c = 0; c < channels; ++c) terms[c] = static_cast<Wide<T>>(g[c * from.c_stride]) / block.template divisor<Wide<T>>();
          block.for_each_offset(sums, [&](std::int64_t at) {
            for (std::int64_t c = 0; c < channels; ++c) sums.data[at + c * sums.c_stride] += terms[c];
          });
        });
      });
    });
  });
}

}  // namespace tasuki::kernels::cpu
