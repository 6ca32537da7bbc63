#include "kernels/logsumexp.hpp"

#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit_floating.hpp"
#include "kernels/walk.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t elements_per_chunk = 32768;

/// What is taken off before exp: the largest element, but nothing where that is infinite.
template <class A>
TASUKI_LANES Lanes<A> shift_of(Lanes<A> peak) {
  const A infinity = static_cast<A>(__builtin_inf());
  return peak == infinity || peak == -infinity ? Lanes<A>{} : peak;
}

/// A contiguous slice, vectors running along it.
template <class T>
T of_slice(const T* x, std::int64_t n) {
  using A = compute_t<T>;
  const A infinity = static_cast<A>(__builtin_inf());
  Slots<A> peaks(-infinity), sums(0);
  each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
    peaks[k] = max<A>(keep<A>(load(x + i, part), -infinity, part), peaks[k]);
  });
  const Lanes<A> shift = shift_of<A>(splat(peaks.max()));
  each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
    sums[k] += keep<A>(exp(load(x + i, part) - shift), 0, part);
  });
  return static_cast<T>(log(sums.sum()) + shift[0]);
}

/// As many slices as there are lanes, one in each.
template <class T, class Part>
TASUKI_LANES void of_slices(const T* x, std::int64_t step, std::int64_t next, std::int64_t n, T* y, std::int64_t y_next, Part part) {
  using A = compute_t<T>;
  Lanes<A> peak = splat(-static_cast<A>(__builtin_inf())), sum{};
  for (std::int64_t i = 0; i < n; ++i) peak = max<A>(load_strided(x + i * step, next, part), peak);
  const Lanes<A> shift = shift_of<A>(peak);
  for (std::int64_t i = 0; i < n; ++i) sum += exp(load_strided(x + i * step, next, part) - shift);
  store_strided(y, y_next, log(sum) + shift, part);
}

template <class T>
void run(const View& x, const View& y, int dim) {
  const std::int64_t n = x.ndim ? x.size(dim) : 1, step = x.ndim ? x.stride(dim) : 1;
  const Walk<2> walk(x.shape, x.ndim, dim, {x.strides, y.strides});
  if (y.numel == 0) return;
  const T* from = x.as<const T>();
  T* to = y.as<T>();
  if (step == 1 || n == 1) {
    parallel_for(walk.count * walk.inner, 1 + elements_per_chunk / (n + 1), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto at = walk.slice(i);
        to[at.offset[1]] = of_slice(from + at.offset[0], n);
      }
    });
    return;
  }
  constexpr std::int64_t w = width<compute_t<T>>;
  const std::int64_t tiles = (walk.inner + w - 1) / w;
  parallel_for(walk.count * tiles, 1 + elements_per_chunk / (n * w + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = walk.run(i / tiles);
      const std::int64_t first = i % tiles * w, left = walk.inner - first;
      const std::int64_t* next = walk.inner_stride;
      const T* p = from + at.offset[0] + first * next[0];
      T* out = to + at.offset[1] + first * next[1];
      if (left >= w) of_slices(p, step, next[0], n, out, next[1], Full{});
      else of_slices(p, step, next[0], n, out, next[1], Part{left});
    }
  });
}

}  // namespace

void logsumexp(const View& x, const View& y, int dim) {
  visit_floating(x.dtype, [&](auto element) { run<decltype(element)>(x, y, dim); });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
