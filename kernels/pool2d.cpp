// Pooling in plain loops: channels innermost where they lie so, else plane by plane. The 2x2 pooling of row-major f32 images,
// which small networks live on, has its own rows in pool2d.simd.cpp.
#include "kernels/pool2d.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

namespace {

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;

template <class T>
struct Image {
  T* data;
  std::int64_t n, c, h, w, n_stride, c_stride, h_stride, w_stride;
  explicit Image(const View& v)
      : data(v.as<T>()), n(v.size(0)), c(v.size(1)), h(v.size(2)), w(v.size(3)), n_stride(v.stride(0)), c_stride(v.stride(1)),
        h_stride(v.stride(2)), w_stride(v.stride(3)) {}
  T* plane(std::int64_t i, std::int64_t channel) const { return data + i * n_stride + channel * c_stride; }
  bool channels_innermost() const { return c_stride == 1 && c > 1; }
};

constexpr std::int64_t elements_per_chunk = 32768;

std::int64_t grain(std::int64_t elements_each) { return std::max<std::int64_t>(1, elements_per_chunk / std::max<std::int64_t>(1, elements_each)); }

/// Calls f(image, channel) for all planes, on several threads.
template <class T, class F>
void for_each_plane(const Image<T>& x, F&& f) {
  parallel_for(x.n * x.c, grain(x.h * x.w), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) f(p / x.c, p % x.c);
  });
}

template <class T>
void zero(const Image<T>& x) {
  std::memset(static_cast<void*>(x.data), 0, static_cast<std::size_t>(x.n * x.c * x.h * x.w) * sizeof(T));
}

/// Calls f(tap, offset) for the taps of window (oh, ow) that lie inside the image.
template <class T, class F>
void for_each_tap(const Image<T>& x, const MaxWindows& h, const MaxWindows& w, std::int64_t oh, std::int64_t ow, F&& f) {
  for (std::int64_t i = 0; i < h.kernel; ++i) {
    const std::int64_t row = oh * h.stride - h.padding + i * h.dilation;
    if (row < 0 || row >= x.h) continue;
    for (std::int64_t j = 0; j < w.kernel; ++j) {
      const std::int64_t column = ow * w.stride - w.padding + j * w.dilation;
      if (column >= 0 && column < x.w) f(i * w.kernel + j, row * x.h_stride + column * x.w_stride);
    }
  }
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
void max_planes(const Image<T>& x, const Image<T>& y, const Image<I>& index, const MaxWindows& h, const MaxWindows& w) {
  for_each_plane(x, [&](std::int64_t n, std::int64_t c) {
    const T* const from = x.plane(n, c);
    T* const to = y.plane(n, c);
    I* const place = index.plane(n, c);
    for (std::int64_t oh = 0; oh < y.h; ++oh)
      for (std::int64_t ow = 0; ow < y.w; ++ow) {
        Wide<T> best{};
        T value = lowest<T>();
        std::int64_t where = -1;
        for_each_tap(x, h, w, oh, ow, [&](std::int64_t tap, std::int64_t offset) {
          const auto v = static_cast<Wide<T>>(from[offset]);
          if (where >= 0 && !beats(v, best)) return;
          best = v;
          value = from[offset];
          where = tap;
        });
        to[oh * y.h_stride + ow * y.w_stride] = value;
        place[oh * index.h_stride + ow * index.w_stride] = static_cast<I>(std::max<std::int64_t>(where, 0));
      }
  });
}

template <class T, class I>
void max_channels_innermost(const Image<T>& x, const Image<T>& y, const Image<I>& index, const MaxWindows& h, const MaxWindows& w) {
  parallel_for(y.n * y.h, grain(y.w * h.kernel * w.kernel * y.c), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      for (std::int64_t ow = 0; ow < y.w; ++ow) {
        const T* const from = x.plane(r / y.h, 0);
        T* const to = y.plane(r / y.h, 0) + r % y.h * y.h_stride + ow * y.w_stride;
        I* const place = index.plane(r / y.h, 0) + r % y.h * index.h_stride + ow * index.w_stride;
        bool first = true;
        for_each_tap(x, h, w, r % y.h, ow, [&](std::int64_t tap, std::int64_t offset) {
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

bool is_2x2(const MaxWindows& w) { return w.kernel == 2 && w.stride == 2 && w.padding == 0 && w.dilation == 1; }
bool has_row_major_planes(const View& v) { return v.stride(3) == 1 && v.stride(2) == v.size(3); }

/// Row-major f32 planes whose width the windows fill.
bool fits_2x2_rows(const View& x, const View& y, const View& index, const MaxWindows& h, const MaxWindows& w) {
  constexpr std::int64_t widest = 2048;  // the rows' buffers on the stack
  return x.dtype == f32 && index.dtype == u8 && is_2x2(h) && is_2x2(w) && x.size(3) == 2 * y.size(3) && x.size(3) <= widest &&
         2 * y.size(2) <= x.size(2) && has_row_major_planes(x) && has_row_major_planes(y) && has_row_major_planes(index);
}

template <class F>
void visit_index(DType dtype, F&& f) {
  if (dtype == u8) f(std::uint8_t{});
  else f(std::int32_t{});
}

}  // namespace

void max_pool2d(const View& x, const View& y, const View& index, const MaxWindows& h, const MaxWindows& w) {
  if (y.numel == 0) return;
  if (fits_2x2_rows(x, y, index, h, w)) {
    const Image<float> from(x), to(y);
    const Image<std::uint8_t> place(index);
    return for_each_plane(from, [&](std::int64_t n, std::int64_t c) {
      TASUKI_ON_ISA(max_pool_2x2_rows)(from.plane(n, c), from.w, to.plane(n, c), place.plane(n, c), to.h, to.w);
    });
  }
  visit_floating(x.dtype, [&]<class T>(T) {
    visit_index(index.dtype, [&]<class I>(I) {
      const Image<T> from(x), to(y);
      const Image<I> place(index);
      if (from.channels_innermost() && to.channels_innermost() && place.channels_innermost()) max_channels_innermost(from, to, place, h, w);
      else max_planes(from, to, place, h, w);
    });
  });
}

void max_pool2d_scatter(const View& dy, const View& index, const View& dx, const MaxWindows& h, const MaxWindows& w) {
  if (dx.numel == 0) return;
  if (fits_2x2_rows(dx, dy, index, h, w)) {
    const Image<float> from(dy), to(dx);
    const Image<std::uint8_t> place(index);
    return for_each_plane(to, [&](std::int64_t n, std::int64_t c) {
      float* const plane = to.plane(n, c);
      TASUKI_ON_ISA(max_pool_2x2_scatter_rows)(from.plane(n, c), place.plane(n, c), plane, to.w, from.h, from.w);
      std::fill(plane + 2 * from.h * to.w, plane + to.h * to.w, 0.f);
    });
  }
  visit_floating(dx.dtype, [&]<class T>(T) {
    visit_index(index.dtype, [&]<class I>(I) {
      const Image<T> from(dy), to(dx);
      const Image<I> place(index);
      zero(to);
      for_each_plane(to, [&](std::int64_t n, std::int64_t c) {
        for (std::int64_t oh = 0; oh < from.h; ++oh)
          for (std::int64_t ow = 0; ow < from.w; ++ow) {
            const std::int64_t tap = place.plane(n, c)[oh * place.h_stride + ow * place.w_stride];
            const std::int64_t row = oh * h.stride - h.padding + tap / w.kernel * h.dilation;
            const std::int64_t column = ow * w.stride - w.padding + tap % w.kernel * w.dilation;
            if (row < 0 || row >= to.h || column < 0 || column >= to.w) continue;
            T& sum = to.plane(n, c)[row * to.h_stride + column * to.w_stride];
            sum = T(static_cast<Wide<T>>(sum) + static_cast<Wide<T>>(from.plane(n, c)[oh * from.h_stride + ow * from.w_stride]));
          }
      });
    });
  });
}

void max_pool2d_gather(const View& x, const View& index, const View& y, const MaxWindows& h, const MaxWindows& w) {
  if (y.numel == 0) return;
  visit_floating(x.dtype, [&]<class T>(T) {
    visit_index(index.dtype, [&]<class I>(I) {
      const Image<T> from(x), to(y);
      const Image<I> place(index);
      for_each_plane(to, [&](std::int64_t n, std::int64_t c) {
        for (std::int64_t oh = 0; oh < to.h; ++oh)
          for (std::int64_t ow = 0; ow < to.w; ++ow) {
            const std::int64_t tap = place.plane(n, c)[oh * place.h_stride + ow * place.w_stride];
            const std::int64_t row = oh * h.stride - h.padding + tap / w.kernel * h.dilation;
            const std::int64_t column = ow * w.stride - w.padding + tap % w.kernel * w.dilation;
            const bool inside = row >= 0 && row < from.h && column >= 0 && column < from.w;
            to.plane(n, c)[oh * to.h_stride + ow * to.w_stride] = inside ? from.plane(n, c)[row * from.h_stride + column * from.w_stride] : T{};
          }
      });
    });
  });
}

void mean_pool2d(const View& x, const View& y, const MeanWindow* h, const MeanWindow* w) {
  if (y.numel == 0) return;
  visit_floating(x.dtype, [&]<class T>(T) {
    const Image<T> from(x), to(y);
    const auto divisor = [&](std::int64_t oh, std::int64_t ow) { return static_cast<Wide<T>>(h[oh].length * w[ow].length); };
    if (!from.channels_innermost() || !to.channels_innermost())
      return for_each_plane(from, [&](std::int64_t n, std::int64_t c) {
        for (std::int64_t oh = 0; oh < to.h; ++oh)
          for (std::int64_t ow = 0; ow < to.w; ++ow) {
            Wide<T> sum{};
            for (std::int64_t i = h[oh].begin; i < h[oh].end; ++i)
              for (std::int64_t j = w[ow].begin; j < w[ow].end; ++j) sum += static_cast<Wide<T>>(from.plane(n, c)[i * from.h_stride + j * from.w_stride]);
            to.plane(n, c)[oh * to.h_stride + ow * to.w_stride] = T(sum / divisor(oh, ow));
          }
      });
    parallel_for(to.n * to.h, grain(from.w * std::max<std::int64_t>(1, from.h / to.h) * from.c), [&](std::int64_t begin, std::int64_t end) {
      std::vector<Wide<T>> sum(static_cast<std::size_t>(to.c));
      for (std::int64_t r = begin; r < end; ++r)
        for (std::int64_t ow = 0; ow < to.w; ++ow) {
          const std::int64_t n = r / to.h, oh = r % to.h;
          std::fill(sum.begin(), sum.end(), Wide<T>{});
          for (std::int64_t i = h[oh].begin; i < h[oh].end; ++i)
            for (std::int64_t j = w[ow].begin; j < w[ow].end; ++j) {
              const T* const row = from.plane(n, 0) + i * from.h_stride + j * from.w_stride;
              for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<Wide<T>>(row[c]);
            }
          T* const out = to.plane(n, 0) + oh * to.h_stride + ow * to.w_stride;
          for (std::size_t c = 0; c < sum.size(); ++c) out[c] = T(sum[c] / divisor(oh, ow));
        }
    });
  });
}

void mean_pool2d_spread(const View& dy, const View& dx, const MeanWindow* h, const MeanWindow* w) {
  if (dx.numel == 0) return;
  visit_floating(dx.dtype, [&]<class T>(T) {
    const Image<T> from(dy), to(dx);
    const auto share = [&](T g, std::int64_t oh, std::int64_t ow) { return static_cast<Wide<T>>(g) / static_cast<Wide<T>>(h[oh].length * w[ow].length); };
    const auto add = [](T& sum, Wide<T> term) { sum = T(static_cast<Wide<T>>(sum) + term); };
    zero(to);
    if (!from.channels_innermost() || !to.channels_innermost())
      return for_each_plane(to, [&](std::int64_t n, std::int64_t c) {
        for (std::int64_t oh = 0; oh < from.h; ++oh)
          for (std::int64_t ow = 0; ow < from.w; ++ow) {
            const Wide<T> term = share(from.plane(n, c)[oh * from.h_stride + ow * from.w_stride], oh, ow);
            for (std::int64_t i = h[oh].begin; i < h[oh].end; ++i)
              for (std::int64_t j = w[ow].begin; j < w[ow].end; ++j) add(to.plane(n, c)[i * to.h_stride + j * to.w_stride], term);
          }
      });
    parallel_for(to.n, grain(to.h * to.w * to.c), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n)
        for (std::int64_t oh = 0; oh < from.h; ++oh)
          for (std::int64_t ow = 0; ow < from.w; ++ow) {
            const T* const g = from.plane(n, 0) + oh * from.h_stride + ow * from.w_stride;
            for (std::int64_t i = h[oh].begin; i < h[oh].end; ++i)
              for (std::int64_t j = w[ow].begin; j < w[ow].end; ++j) {
                T* const row = to.plane(n, 0) + i * to.h_stride + j * to.w_stride;
                for (std::int64_t c = 0; c < to.c; ++c) add(row[c], share(g[c], oh, ow));
              }
          }
    });
  });
}

}  // namespace tasuki::kernels::cpu
