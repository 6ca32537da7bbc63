#include "kernels/layer_norm.hpp"

#include "kernels/channel_vector.hpp"
#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t most_chunks = 32;  // of backward: each leaves two partial vectors

/// The vector in the type of the computation: itself where it has that type, else a copy in `place`.
template <class A>
const A* prepared(const View& v, A* place, std::int64_t n) {
  if (!v) return nullptr;
  if (sizeof(A) == size_of(v.dtype)) return v.as<const A>();
  read_vector<A>(v, place, n, 0);
  return place;
}

template <class T>
void forward(const LayerNormForward& f) {
  using A = compute_t<T>;
  const std::int64_t n = f.size, rows = f.mean.numel;
  const A count = static_cast<A>(n);
  A* scratch = static_cast<A*>(f.workspace);
  const A* weight = prepared(f.weight, scratch, n);
  const A* bias = prepared(f.bias, scratch + n, n);
  parallel_for(rows, 1 + 65536 / (n + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* x = f.x.as<const T>() + r * n;
      T* y = f.y.as<T>() + r * n;
      Slots<A> sums(0), squares(0);
      each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) { sums[k] += load(x + i, part); });
      const A mean = sums.sum() / count;
      const Lanes<A> m = splat(mean);
      each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
        const Lanes<A> d = keep<A>(load(x + i, part) - m, 0, part);
        squares[k] += d * d;
      });
      const A inv_std = static_cast<A>(1 / __builtin_sqrt(static_cast<double>(squares.sum() / count) + f.eps));
      const Lanes<A> s = splat(inv_std);
      if (weight && bias) {
        each_vector<A>(n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
          store(y + i, (load(x + i, part) - m) * s * load(weight + i, part) + load(bias + i, part), part);
        });
      } else {
        each_vector<A>(n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
          Lanes<A> v = (load(x + i, part) - m) * s;
          if (weight) v *= load(weight + i, part);
          if (bias) v += load(bias + i, part);
          store(y + i, v, part);
        });
      }
      f.mean.as<A>()[r] = mean;
      f.inv_std.as<A>()[r] = inv_std;
    }
  });
}

/// grad_x = inv_std (g w - mean(g w) - xhat mean(g w xhat)), and this row's part of the sums for weight and bias.
template <class T, bool accumulate, class A>
void backward_row(const T* g, const T* x, T* out, std::int64_t n, const A* weight, A mean, A inv_std, A* weight_sum, A* bias_sum) {
  const Lanes<A> m = splat(mean), s = splat(inv_std);
  Slots<A> sums(0), products(0);
  const auto through = [&](std::int64_t i, auto part) __attribute__((always_inline)) {
    const Lanes<A> gi = load(g + i, part);
    return weight ? gi * load(weight + i, part) : gi;
  };
  if (out)
    each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      const Lanes<A> gi = through(i, part);
      sums[k] += gi;
      products[k] += gi * ((load(x + i, part) - m) * s);
    });
  const Lanes<A> sum = splat(sums.sum() / static_cast<A>(n)), product = splat(products.sum() / static_cast<A>(n));
  each_vector<A>(n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
    const Lanes<A> hat = (load(x + i, part) - m) * s;
    if (weight_sum) {
      const Lanes<A> gi = load(g + i, part);
      store(weight_sum + i, load(weight_sum + i, part) + gi * hat, part);
      store(bias_sum + i, load(bias_sum + i, part) + gi, part);
    }
    if (out) {
      Lanes<A> d = s * ((through(i, part) - sum) - hat * product);
      if constexpr (accumulate) d += load(out + i, part);
      store(out + i, d, part);
    }
  });
}

template <class T, bool accumulate>
void backward(const LayerNormBackward& b) {
  using A = compute_t<T>;
  const std::int64_t n = b.size, rows = b.mean.numel;
  A* scratch = static_cast<A*>(b.workspace);
  const A* weight = prepared(b.weight, scratch, n);
  A* partial = scratch + 2 * n;
  const bool wants_sums = b.grad_weight || b.grad_bias;
  const std::int64_t enough = 1 + 65536 / (n + 1), fewest = (rows + most_chunks - 1) / most_chunks;
  const std::int64_t grain = enough > fewest ? enough : fewest, chunks = (rows + grain - 1) / grain;
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    A* weight_sum = wants_sums ? partial + begin / grain * 2 * n : nullptr;
    A* bias_sum = wants_sums ? weight_sum + n : nullptr;
    if (wants_sums)
      for (std::int64_t i = 0; i < 2 * n; ++i) weight_sum[i] = 0;
    for (std::int64_t r = begin; r < end; ++r)
      backward_row<T, accumulate>(b.grad_y.as<const T>() + r * n, b.x.as<const T>() + r * n, b.grad_x ? b.grad_x.as<T>() + r * n : nullptr, n,
                                  weight, b.mean.as<const A>()[r], b.inv_std.as<const A>()[r], weight_sum, bias_sum);
  });
  if (!wants_sums) return;
  if (chunks == 0)
    for (std::int64_t i = 0; i < 2 * n; ++i) partial[i] = 0;
  for (std::int64_t k = 1; k < chunks; ++k)
    for (std::int64_t i = 0; i < 2 * n; ++i) partial[i] += partial[k * 2 * n + i];
  if (b.grad_weight) write_vector(b.grad_weight, partial, b.add_to_weight);
  if (b.grad_bias) write_vector(b.grad_bias, partial + n, b.add_to_bias);
}

}  // namespace

void layer_norm(const LayerNormForward& f) {
  visit_floating(f.x.dtype, [&](auto element) { forward<decltype(element)>(f); });
}

void layer_norm_backward(const LayerNormBackward& b) {
  visit_floating(b.x.dtype, [&](auto element) {
    using T = decltype(element);
    b.add_to_x ? backward<T, true>(b) : backward<T, false>(b);
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
