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

/// Mean (0 where rows are not centered) and inverse deviation of a row.
template <class A>
struct Moments {
  A mean, inv_std;
  TASUKI_LANES Moments(A m, A s) : mean(m), inv_std(s) {}
  template <class T>
  TASUKI_LANES Moments(const T* x, std::int64_t n, bool centered, double eps) : mean(0) {
    Slots<A> squares(0);
    if (centered) {
      Slots<A> sums(0);
      each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) { sums[k] += load(x + i, part); });
      mean = sums.sum() / static_cast<A>(n);
    }
    const Lanes<A> m = splat(mean);
    each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      const Lanes<A> d = keep<A>(load(x + i, part) - m, 0, part);
      squares[k] += d * d;
    });
    inv_std = static_cast<A>(1 / __builtin_sqrt(static_cast<double>(squares.sum() / static_cast<A>(n)) + eps));
  }
};

/// y = (x - mean) * inv_std * weight + bias with an element of weight and bias for each of x.
template <class T, class A>
void normalize_row(const T* x, T* y, std::int64_t n, const Moments<A>& row, const A* weight, const A* bias) {
  const Lanes<A> m = splat(row.mean), s = splat(row.inv_std);
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
}

/// The same with one element for each run.
template <class T, class A>
void normalize_runs(const T* x, T* y, std::int64_t n, std::int64_t run, const Moments<A>& row, const A* weight, const A* bias) {
  const Lanes<A> m = splat(row.mean);
  for (std::int64_t c = 0; c < n / run; ++c, x += run, y += run) {
    const Lanes<A> s = splat(weight ? row.inv_std * weight[c] : row.inv_std), b = splat(bias ? bias[c] : A(0));
    each_vector<A>(run, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) { store(y + i, (load(x + i, part) - m) * s + b, part); });
  }
}

template <class A>
TASUKI_LANES A* behind(A* p, std::int64_t offset) {
  return p ? p + offset : nullptr;
}

template <class T>
void forward(const LayerNormForward& f) {
  using A = compute_t<T>;
  const auto [n, run, groups, centered] = f.row;
  const std::int64_t rows = f.mean.numel, weights = f.row.weights();
  A* scratch = static_cast<A*>(f.workspace);
  const A* weight = prepared(f.weight, scratch, weights);
  const A* bias = prepared(f.bias, scratch + weights, weights);
  parallel_for(rows, 1 + 65536 / (n + 1), [&, n = n, run = run, groups = groups, centered = centered](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* x = f.x.as<const T>() + r * n;
      T* y = f.y.as<T>() + r * n;
      const Moments<A> row(x, n, centered, f.eps);
      const std::int64_t own = r % groups * (n / run);
      if (run == 1) normalize_row(x, y, n, row, behind(weight, own), behind(bias, own));
      else normalize_runs(x, y, n, run, row, behind(weight, own), behind(bias, own));
      f.mean.as<A>()[r] = row.mean;
      f.inv_std.as<A>()[r] = row.inv_std;
    }
  });
}

/// One row of backward: the incoming gradient, the operand, where the gradient goes (or null), what the row was normalized with, and
/// its weights.
template <class T, class A>
struct GradientRow {
  const T *g, *x;
  T* out;
  std::int64_t n;
  const A* weight;
  Moments<A> row;
  bool centered;
};

/// grad_x = inv_std (g w - mean(g w) - xhat mean(g w xhat)), and this row's part of the sums for weight and bias. Without centering
/// the first mean is not subtracted.
template <bool accumulate, class T, class A>
void backward_row(const GradientRow<T, A>& r, A* weight_sum, A* bias_sum) {
  const T *g = r.g, *x = r.x;
  const A* weight = r.weight;
  const Lanes<A> m = splat(r.row.mean), s = splat(r.row.inv_std);
  Slots<A> sums(0), products(0);
  const auto through = [&](std::int64_t i, auto part) __attribute__((always_inline)) {
    const Lanes<A> gi = load(g + i, part);
    return weight ? gi * load(weight + i, part) : gi;
  };
  if (r.out)
    each_vector<A>(r.n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      const Lanes<A> gi = through(i, part);
      sums[k] += gi;
      products[k] += gi * ((load(x + i, part) - m) * s);
    });
  const A count = static_cast<A>(r.n);
  const Lanes<A> sum = splat(r.centered ? sums.sum() / count : A(0)), product = splat(products.sum() / count);
  each_vector<A>(r.n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
    const Lanes<A> hat = (load(x + i, part) - m) * s;
    if (weight_sum) {
      const Lanes<A> gi = load(g + i, part);
      store(weight_sum + i, load(weight_sum + i, part) + gi * hat, part);
      store(bias_sum + i, load(bias_sum + i, part) + gi, part);
    }
    if (r.out) {
      Lanes<A> d = s * ((through(i, part) - sum) - hat * product);
      if constexpr (accumulate) d += load<T>(r.out + i, part);
      store(r.out + i, d, part);
    }
  });
}

/// The same for runs that share an element of the weight: its sums are sums over the run.
template <bool accumulate, class T, class A>
void backward_runs(const GradientRow<T, A>& r, std::int64_t run, A* weight_sum, A* bias_sum) {
  const Lanes<A> m = splat(r.row.mean), s = splat(r.row.inv_std);
  A sum = 0, product = 0;
  for (std::int64_t c = 0; c < r.n / run; ++c) {
    const T *g = r.g + c * run, *x = r.x + c * run;
    Slots<A> sums(0), products(0);
    each_vector<A>(run, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      const Lanes<A> gi = load(g + i, part);
      sums[k] += gi;
      products[k] += gi * ((load(x + i, part) - m) * s);
    });
    const A total = sums.sum(), projected = products.sum(), w = r.weight ? r.weight[c] : A(1);
    sum += w * total;
    product += w * projected;
    if (!weight_sum) continue;
    weight_sum[c] += projected;
    bias_sum[c] += total;
  }
  if (!r.out) return;
  const A count = static_cast<A>(r.n);
  const Lanes<A> mean = splat(r.centered ? sum / count : A(0)), slope = splat(product / count);
  for (std::int64_t c = 0; c < r.n / run; ++c) {
    const T *g = r.g + c * run, *x = r.x + c * run;
    T* out = r.out + c * run;
    const Lanes<A> w = splat(r.weight ? r.weight[c] : A(1));
    each_vector<A>(run, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
      Lanes<A> d = s * ((load(g + i, part) * w - mean) - (load(x + i, part) - m) * s * slope);
      if constexpr (accumulate) d += load<T>(out + i, part);
      store(out + i, d, part);
    });
  }
}

template <class T, bool accumulate>
void backward(const LayerNormBackward& b) {
  using A = compute_t<T>;
  const auto [n, run, groups, centered] = b.row;
  const std::int64_t rows = b.mean.numel, weights = b.row.weights();
  A* scratch = static_cast<A*>(b.workspace);
  const A* weight = prepared(b.weight, scratch, weights);
  A* partial = scratch + 2 * weights;
  const bool wants_sums = b.grad_weight || b.grad_bias;
  const std::int64_t enough = 1 + 65536 / (n + 1), fewest = (rows + most_chunks - 1) / most_chunks;
  const std::int64_t grain = enough > fewest ? enough : fewest, chunks = (rows + grain - 1) / grain;
  parallel_for(rows, grain, [&, n = n, run = run, groups = groups, centered = centered](std::int64_t begin, std::int64_t end) {
    A* weight_sum = wants_sums ? partial + begin / grain * 2 * weights : nullptr;
    A* bias_sum = behind(weight_sum, weights);
    if (wants_sums)
      for (std::int64_t i = 0; i < 2 * weights; ++i) weight_sum[i] = 0;
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t own = r % groups * (n / run);
      const GradientRow<T, A> row{b.grad_y.as<const T>() + r * n, b.x.as<const T>() + r * n, b.grad_x ? b.grad_x.as<T>() + r * n : nullptr, n,
                                  behind(weight, own), {b.mean.as<const A>()[r], b.inv_std.as<const A>()[r]}, centered};
      if (run == 1) backward_row<accumulate>(row, behind(weight_sum, own), behind(bias_sum, own));
      else backward_runs<accumulate>(row, run, behind(weight_sum, own), behind(bias_sum, own));
    }
  });
  if (!wants_sums) return;
  if (chunks == 0)
    for (std::int64_t i = 0; i < 2 * weights; ++i) partial[i] = 0;
  for (std::int64_t k = 1; k < chunks; ++k)
    for (std::int64_t i = 0; i < 2 * weights; ++i) partial[i] += partial[k * 2 * weights + i];
  if (b.grad_weight) write_vector(b.grad_weight, partial, b.add_to_weight);
  if (b.grad_bias) write_vector(b.grad_bias, partial + weights, b.add_to_bias);
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
