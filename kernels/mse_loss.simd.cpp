#include "kernels/mse_loss.hpp"

#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit_floating.hpp"
#include "kernels/walk.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t elements_per_chunk = 131072;
constexpr std::int64_t most_chunks = 64;  // each leaves one partial sum

// Strides of an operand that has one element for all.
constexpr std::int64_t still[8] = {};

template <class T>
void total(const View& x, const View& target, double factor, const View& loss) {
  using A = compute_t<T>;
  const Walk<2> walk(x.shape, x.ndim, -1, {x.strides, target.strides});
  const std::int64_t xs = walk.inner_stride[0], ts = walk.inner_stride[1];
  double sums[most_chunks] = {};
  // One run: split it. Many: give out runs.
  const bool one = walk.count == 1;
  const std::int64_t n = x.numel == 0 ? 0 : one ? walk.inner : walk.count;
  const std::int64_t enough = one ? elements_per_chunk : 1 + elements_per_chunk / walk.inner, fewest = (n + most_chunks - 1) / most_chunks;
  const std::int64_t grain = enough > fewest ? enough : fewest;
  const auto run = [&](const T* a, const T* b, std::int64_t length) {
    // Blocks keep the sums short in f32.
    double sum = 0;
    for (std::int64_t begin = 0; begin < length; begin += 4096) {
      Slots<A> squares(0);
      each_vector<A>(length - begin < 4096 ? length - begin : 4096, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
        const Lanes<A> d = load_strided(a + (begin + i) * xs, xs, part) - load_strided(b + (begin + i) * ts, ts, part);
        squares[k] += d * d;
      });
      sum += static_cast<double>(squares.sum());
    }
    return sum;
  };
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    const T *a = x.as<const T>(), *b = target.as<const T>();
    double sum = 0;
    if (one) {
      sum = run(a + begin * xs, b + begin * ts, end - begin);
    } else {
      for (std::int64_t r = begin; r < end; ++r) {
        const auto at = walk.run(r);
        sum += run(a + at.offset[0], b + at.offset[1], walk.inner);
      }
    }
    sums[begin / grain] = sum;
  });
  double sum = 0;
  for (int i = 0; i < most_chunks; ++i) sum += sums[i];
  *loss.as<T>() = static_cast<T>(static_cast<A>(sum * factor));
}

/// f(offsets of K arrays, position in the run, part) over all elements.
template <class A, int K, class F>
TASUKI_LANES void each_element(const Walk<K>& walk, std::int64_t numel, F f) {
  if (numel == 0) return;
  const bool one = walk.count == 1;
  parallel_for(one ? walk.inner : walk.count, one ? elements_per_chunk : 1 + elements_per_chunk / walk.inner,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t r = one ? 0 : begin; r < (one ? 1 : end); ++r) {
                   auto at = walk.run(r);
                   if (one)
                     for (int k = 0; k < K; ++k) at.offset[k] += begin * walk.inner_stride[k];
                   each_vector<A>(one ? end - begin : walk.inner,
                                  [&](std::int64_t i, auto part, int) __attribute__((always_inline)) { f(at.offset, i, part); });
                 }
               });
}

template <class T>
void elementwise(const View& x, const View& target, const View& loss) {
  using A = compute_t<T>;
  const Walk<3> walk(x.shape, x.ndim, -1, {x.strides, target.strides, loss.strides});
  const auto& s = walk.inner_stride;
  each_element<A>(walk, x.numel, [&](const std::int64_t* at, std::int64_t i, auto part) __attribute__((always_inline)) {
    const Lanes<A> d = load_strided(x.as<const T>() + at[0] + i * s[0], s[0], part) -
                       load_strided(target.as<const T>() + at[1] + i * s[1], s[1], part);
    store_strided(loss.as<T>() + at[2] + i * s[2], s[2], d * d, part);
  });
}

template <class T, bool accumulate>
void backward(const View& grad_loss, const View& x, const View& target, double factor, bool reduced, const View& grad) {
  using A = compute_t<T>;
  const Walk<4> walk(x.shape, x.ndim, -1, {x.strides, target.strides, grad.strides, reduced ? still : grad_loss.strides});
  const auto& s = walk.inner_stride;
  const A whole = reduced ? static_cast<A>(2 * factor) * static_cast<A>(*grad_loss.as<const T>()) : static_cast<A>(2 * factor);
  each_element<A>(walk, x.numel, [&](const std::int64_t* at, std::int64_t i, auto part) __attribute__((always_inline)) {
    Lanes<A> d = (load_strided(x.as<const T>() + at[0] + i * s[0], s[0], part) -
                  load_strided(target.as<const T>() + at[1] + i * s[1], s[1], part)) * whole;
    if (!reduced) d *= load_strided(grad_loss.as<const T>() + at[3] + i * s[3], s[3], part);
    T* to = grad.as<T>() + at[2] + i * s[2];
    if constexpr (accumulate) d += load_strided<T>(to, s[2], part);
    store_strided(to, s[2], d, part);
  });
}

}  // namespace

void mse_loss(const View& x, const View& target, double factor, bool reduced, const View& loss) {
  visit_floating(x.dtype, [&](auto element) {
    using T = decltype(element);
    reduced ? total<T>(x, target, factor, loss) : elementwise<T>(x, target, loss);
  });
}

void mse_loss_backward(const View& grad_loss, const View& x, const View& target, double factor, bool reduced, const View& grad,
                       bool accumulate) {
  visit_floating(x.dtype, [&](auto element) {
    using T = decltype(element);
    accumulate ? backward<T, true>(grad_loss, x, target, factor, reduced, grad) : backward<T, false>(grad_loss, x, target, factor, reduced, grad);
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
