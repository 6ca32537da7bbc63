#include "kernels/softmax.hpp"

#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit_floating.hpp"
#include "kernels/walk.hpp"

// Two forms of each pass. Where the slices are contiguous, a slice at a time, vectors running along it. Elsewhere, as many slices
// as a vector has lanes, one in each lane: any strides, and loads of whole vectors where neighbouring slices lie side by side.

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t elements_per_chunk = 32768;

// A 0-d array is one slice of one element.
std::int64_t size_along(const View& v, int dim) { return v.ndim ? v.size(dim) : 1; }
std::int64_t stride_along(const View& v, int dim) { return v.ndim ? v.stride(dim) : 1; }

template <class T, bool logarithm>
void forward_slice(const T* x, T* y, std::int64_t n) {
  using A = compute_t<T>;
  constexpr bool keeps_exp = std::is_same_v<T, A> && !logarithm;  // y can hold exp without loss until it is scaled
  constexpr std::int64_t most_kept = logarithm || keeps_exp ? 1 : 2048;
  A kept[most_kept];  // of halves, where there is room for them
  const bool is_kept = !logarithm && !keeps_exp && n <= most_kept;
  const A infinity = static_cast<A>(__builtin_inf());
  Slots<A> peaks(-infinity), sums(0);
  each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
    peaks[k] = max<A>(keep<A>(load(x + i, part), -infinity, part), peaks[k]);
  });
  const Lanes<A> peak = splat(peaks.max());
  each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
    const Lanes<A> e = exp(load(x + i, part) - peak);
    if constexpr (keeps_exp) store(y + i, e, part);
    else if (is_kept) store(kept + i, e, part);
    sums[k] += keep<A>(e, 0, part);
  });
  const A sum = sums.sum();
  const Lanes<A> scale = splat(1 / sum), log_sum = splat(log(sum));
  each_vector<A>(n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
    if constexpr (logarithm) store(y + i, (load(x + i, part) - peak) - log_sum, part);
    else if constexpr (keeps_exp) store(y + i, load(y + i, part) * scale, part);
    else store(y + i, (is_kept ? load(kept + i, part) : exp(load(x + i, part) - peak)) * scale, part);
  });
}

template <class T>
struct Slices {
  T* p;
  std::int64_t step, next;  // along a slice; to the neighbouring slice
  TASUKI_LANES Slices beside(std::int64_t slices) const { return {p + slices * next, step, next}; }
  template <class Part>
  TASUKI_LANES Lanes<compute_t<T>> get(std::int64_t i, Part part) const {
    return load_strided<std::remove_const_t<T>>(p + i * step, next, part);
  }
  template <class Part>
  TASUKI_LANES void set(std::int64_t i, Lanes<compute_t<T>> v, Part part) const {
    store_strided(p + i * step, next, v, part);
  }
};

template <class T, bool logarithm, class Part>
void forward_slices(Slices<const T> x, Slices<T> y, std::int64_t n, Part part) {
  using A = compute_t<T>;
  constexpr bool keeps_exp = std::is_same_v<T, A> && !logarithm;
  Lanes<A> peak = splat(-static_cast<A>(__builtin_inf())), sum{};
  for (std::int64_t i = 0; i < n; ++i) peak = max<A>(x.get(i, part), peak);
  for (std::int64_t i = 0; i < n; ++i) {
    const Lanes<A> e = exp(x.get(i, part) - peak);
    if constexpr (keeps_exp) y.set(i, e, part);
    sum += e;
  }
  const Lanes<A> scale = 1 / sum;
  Lanes<A> log_sum{};
  if constexpr (logarithm) log_sum = log(sum);
  for (std::int64_t i = 0; i < n; ++i) {
    if constexpr (logarithm) y.set(i, (x.get(i, part) - peak) - log_sum, part);
    else if constexpr (keeps_exp) y.set(i, y.get(i, part) * scale, part);
    else y.set(i, exp(x.get(i, part) - peak) * scale, part);
  }
}

template <class T, bool logarithm, bool accumulate>
void backward_slice(const T* g, const T* y, T* out, std::int64_t n) {
  using A = compute_t<T>;
  Slots<A> sums(0);
  each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
    if constexpr (logarithm) sums[k] += load(g + i, part);
    else sums[k] += load(g + i, part) * load(y + i, part);
  });
  const Lanes<A> sum = splat(sums.sum());
  each_vector<A>(n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
    const Lanes<A> gi = load(g + i, part), yi = load(y + i, part);
    Lanes<A> d = logarithm ? gi - exp(yi) * sum : yi * (gi - sum);
    if constexpr (accumulate) d += load(out + i, part);
    store(out + i, d, part);
  });
}

/// Several vectors of slices at once: rows of memory that are long enough for the processor to fetch ahead.
constexpr int strip_vectors = 8;
template <class T, bool logarithm, bool accumulate>
void backward_strip(Slices<const T> g, Slices<const T> y, Slices<T> out, std::int64_t n, std::int64_t slices) {
  using A = compute_t<T>;
  constexpr std::int64_t w = width<A>;
  const auto each = [&](auto f) __attribute__((always_inline)) {
    for (std::int64_t i = 0; i < n; ++i) {
      int v = 0;
      for (; (v + 1) * w <= slices; ++v) f(i, v, Full{});
      if (v * w < slices) f(i, v, Part{slices - v * w});
    }
  };
  Lanes<A> sums[strip_vectors] = {};
  each([&](std::int64_t i, int v, auto part) __attribute__((always_inline)) {
    if constexpr (logarithm) sums[v] += g.beside(v * w).get(i, part);
    else sums[v] += g.beside(v * w).get(i, part) * y.beside(v * w).get(i, part);
  });
  each([&](std::int64_t i, int v, auto part) __attribute__((always_inline)) {
    const Lanes<A> gi = g.beside(v * w).get(i, part), yi = y.beside(v * w).get(i, part);
    Lanes<A> d = logarithm ? gi - exp(yi) * sums[v] : yi * (gi - sums[v]);
    if constexpr (accumulate) d += out.beside(v * w).get(i, part);
    out.beside(v * w).set(i, d, part);
  });
}

template <class T, bool logarithm>
void forward(const View& x, const View& y, int dim) {
  const std::int64_t n = size_along(x, dim), xs = stride_along(x, dim), ys = stride_along(y, dim);
  const Walk<2> walk(x.shape, x.ndim, dim, {x.strides, y.strides});
  const T* from = x.as<const T>();
  T* to = y.as<T>();
  if (n == 1 || (xs == 1 && ys == 1)) {
    parallel_for(walk.count * walk.inner, 1 + elements_per_chunk / n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto at = walk.slice(i);
        forward_slice<T, logarithm>(from + at.offset[0], to + at.offset[1], n);
      }
    });
    return;
  }
  constexpr std::int64_t w = width<compute_t<T>>;
  const std::int64_t tiles = (walk.inner + w - 1) / w;
  parallel_for(walk.count * tiles, 1 + elements_per_chunk / (n * w), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = walk.run(i / tiles);
      const std::int64_t first = i % tiles * w, left = walk.inner - first;
      const Slices<const T> sx{from + at.offset[0] + first * walk.inner_stride[0], xs, walk.inner_stride[0]};
      const Slices<T> sy{to + at.offset[1] + first * walk.inner_stride[1], ys, walk.inner_stride[1]};
      if (left >= w) forward_slices<T, logarithm>(sx, sy, n, Full{});
      else forward_slices<T, logarithm>(sx, sy, n, Part{left});
    }
  });
}

template <class T, bool logarithm, bool accumulate>
void backward(const View& grad_y, const View& y, const View& grad_x, int dim) {
  const std::int64_t n = size_along(y, dim), gs = stride_along(grad_y, dim), ys = stride_along(y, dim), os = stride_along(grad_x, dim);
  const Walk<3> walk(y.shape, y.ndim, dim, {grad_y.strides, y.strides, grad_x.strides});
  const T* g = grad_y.as<const T>();
  const T* p = y.as<const T>();
  T* out = grad_x.as<T>();
  if (n == 1 || (gs == 1 && ys == 1 && os == 1)) {
    parallel_for(walk.count * walk.inner, 1 + elements_per_chunk / n, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto at = walk.slice(i);
        backward_slice<T, logarithm, accumulate>(g + at.offset[0], p + at.offset[1], out + at.offset[2], n);
      }
    });
    return;
  }
  constexpr std::int64_t strip = strip_vectors * width<compute_t<T>>;
  const std::int64_t strips = (walk.inner + strip - 1) / strip;
  parallel_for(walk.count * strips, 1 + elements_per_chunk / (n * strip), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = walk.run(i / strips);
      const std::int64_t first = i % strips * strip, left = walk.inner - first;
      const auto& next = walk.inner_stride;
      const Slices<const T> sg{g + at.offset[0] + first * next[0], gs, next[0]};
      const Slices<const T> sy{p + at.offset[1] + first * next[1], ys, next[1]};
      const Slices<T> so{out + at.offset[2] + first * next[2], os, next[2]};
      backward_strip<T, logarithm, accumulate>(sg, sy, so, n, left < strip ? left : strip);
    }
  });
}

}  // namespace

void softmax(const View& x, const View& y, int dim, bool logarithm) {
  if (x.numel == 0) return;
  visit_floating(x.dtype, [&](auto element) {
    using T = decltype(element);
    logarithm ? forward<T, true>(x, y, dim) : forward<T, false>(x, y, dim);
  });
}

void softmax_backward(const View& grad_y, const View& y, const View& grad_x, int dim, bool logarithm, bool accumulate) {
  if (y.numel == 0) return;
  visit_floating(y.dtype, [&](auto element) {
    using T = decltype(element);
    if (logarithm) accumulate ? backward<T, true, true>(grad_y, y, grad_x, dim) : backward<T, true, false>(grad_y, y, grad_x, dim);
    else accumulate ? backward<T, false, true>(grad_y, y, grad_x, dim) : backward<T, false, false>(grad_y, y, grad_x, dim);
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
