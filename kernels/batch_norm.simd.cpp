#include "kernels/batch_norm.hpp"

#include "kernels/channel_vector.hpp"
#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "kernels/walk.hpp"

// Two forms. `Rows`: channels lie side by side and all other dimensions merge into rows (channels-last, and [N, C]); vectors run
// over channels and blocks of them stay in registers down a chunk of rows. `Runs`: everything else, one channel at a time, vectors
// along the longest run inside it.

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t elements_per_chunk = 32768;
constexpr std::int64_t most_chunks = 32;  // each leaves two partial vectors in the workspace

template <int count>
struct Vectors {
  static constexpr int n = count;
};

/// Calls f(Vectors<4 or 1>, first channel, part) over all channels.
template <class A, class F>
TASUKI_LANES void each_channel_block(std::int64_t channels, F f) {
  constexpr std::int64_t w = width<A>;
  std::int64_t c = 0;
  for (; c + 4 * w <= channels; c += 4 * w) f(Vectors<4>{}, c, Full{});
  for (; c + w <= channels; c += w) f(Vectors<1>{}, c, Full{});
  if (c < channels) f(Vectors<1>{}, c, Part{channels - c});
}

template <class T>
struct Rows {
  T* p;
  std::int64_t stride;
  TASUKI_LANES T* at(std::int64_t row, std::int64_t channel) const { return p + row * stride + channel; }
};

struct Chunks {
  std::int64_t grain, count;
  Chunks(std::int64_t rows, std::int64_t channels) {
    const std::int64_t enough = elements_per_chunk / channels + 1, fewest = (rows + most_chunks - 1) / most_chunks;
    grain = enough > fewest ? enough : fewest;
    count = (rows + grain - 1) / grain;
  }
};

/// mean and sum of squared differences of each channel.
template <class T, class A>
void moments(Rows<const T> x, std::int64_t rows, std::int64_t channels, A* partial, A* mean, A* squares) {
  const Chunks chunks(rows, channels);
  parallel_for(rows, chunks.grain, [&](std::int64_t begin, std::int64_t end) {
    A* means = partial + begin / chunks.grain * 2 * channels;
    A* squared = means + channels;
    each_channel_block<A>(channels, [&](auto vectors, std::int64_t c, auto part) __attribute__((always_inline)) {
      constexpr int n = decltype(vectors)::n;
      Lanes<A> sum[n] = {}, square[n] = {};
      for (std::int64_t r = begin; r < end; ++r)
        for (int v = 0; v < n; ++v) sum[v] += load(x.at(r, c + v * width<A>), part);
      for (int v = 0; v < n; ++v) sum[v] /= static_cast<A>(end - begin);
      for (std::int64_t r = begin; r < end; ++r)
        for (int v = 0; v < n; ++v) {
          const Lanes<A> d = load(x.at(r, c + v * width<A>), part) - sum[v];
          square[v] += d * d;
        }
      for (int v = 0; v < n; ++v) {
        store(means + c + v * width<A>, sum[v], part);
        store(squared + c + v * width<A>, square[v], part);
      }
    });
  });
  // Chan, Golub, LeVeque: joining the moments of two sets.
  for (std::int64_t k = 0; k < chunks.count; ++k) {
    const A before = static_cast<A>(k * chunks.grain);
    const A here = static_cast<A>((k + 1 < chunks.count ? (k + 1) * chunks.grain : rows) - k * chunks.grain);
    const A *means = partial + k * 2 * channels, *squared = means + channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      if (k == 0) {
        mean[c] = means[c];
        squares[c] = squared[c];
      } else {
        const A d = means[c] - mean[c];
        mean[c] += d * (here / (before + here));
        squares[c] += squared[c] + d * d * (before * (here / (before + here)));
      }
    }
  }
}

template <class T, class A>
void normalize(Rows<const T> x, Rows<T> y, std::int64_t rows, std::int64_t channels, const A* mean, const A* scale, const A* bias) {
  parallel_for(rows, Chunks(rows, channels).grain, [&](std::int64_t begin, std::int64_t end) {
    each_channel_block<A>(channels, [&](auto vectors, std::int64_t c, auto part) __attribute__((always_inline)) {
      constexpr int n = decltype(vectors)::n;
      Lanes<A> m[n], s[n], b[n];
      for (int v = 0; v < n; ++v) {
        m[v] = load(mean + c + v * width<A>, part);
        s[v] = load(scale + c + v * width<A>, part);
        b[v] = load(bias + c + v * width<A>, part);
      }
      for (std::int64_t r = begin; r < end; ++r)
        for (int v = 0; v < n; ++v) {
          const std::int64_t at = c + v * width<A>;
          store(y.at(r, at), (load(x.at(r, at), part) - m[v]) * s[v] + b[v], part);
        }
    });
  });
}

/// sums: of grad_y; products: of grad_y * (x - mean).
template <class T, class A>
void gradient_sums(Rows<const T> g, Rows<const T> x, std::int64_t rows, std::int64_t channels, const A* mean, A* partial, A* sums, A* products) {
  const Chunks chunks(rows, channels);
  parallel_for(rows, chunks.grain, [&](std::int64_t begin, std::int64_t end) {
    A* here = partial + begin / chunks.grain * 2 * channels;
    each_channel_block<A>(channels, [&](auto vectors, std::int64_t c, auto part) __attribute__((always_inline)) {
      constexpr int n = decltype(vectors)::n;
      Lanes<A> sum[n] = {}, product[n] = {}, m[n];
      for (int v = 0; v < n; ++v) m[v] = load(mean + c + v * width<A>, part);
      for (std::int64_t r = begin; r < end; ++r)
        for (int v = 0; v < n; ++v) {
          const Lanes<A> gi = load(g.at(r, c + v * width<A>), part);
          sum[v] += gi;
          product[v] += gi * (load(x.at(r, c + v * width<A>), part) - m[v]);
        }
      for (int v = 0; v < n; ++v) {
        store(here + c + v * width<A>, sum[v], part);
        store(here + channels + c + v * width<A>, product[v], part);
      }
    });
  });
  for (std::int64_t c = 0; c < channels; ++c) sums[c] = products[c] = 0;
  for (std::int64_t k = 0; k < chunks.count; ++k) {
    const A* here = partial + k * 2 * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      sums[c] += here[c];
      products[c] += here[channels + c];
    }
  }
}

/// grad_x = grad_y * scale + (x - mean) * slope + shift.
template <class T, bool accumulate, class A>
void gradient(Rows<const T> g, Rows<const T> x, Rows<T> out, std::int64_t rows, std::int64_t channels, const A* mean, const A* scale,
              const A* slope, const A* shift) {
  parallel_for(rows, Chunks(rows, channels).grain, [&](std::int64_t begin, std::int64_t end) {
    each_channel_block<A>(channels, [&](auto vectors, std::int64_t c, auto part) __attribute__((always_inline)) {
      constexpr int n = decltype(vectors)::n;
      Lanes<A> m[n], a[n], b[n], e[n];
      for (int v = 0; v < n; ++v) {
        const std::int64_t at = c + v * width<A>;
        m[v] = load(mean + at, part), a[v] = load(scale + at, part), b[v] = load(slope + at, part), e[v] = load(shift + at, part);
      }
      for (std::int64_t r = begin; r < end; ++r)
        for (int v = 0; v < n; ++v) {
          const std::int64_t at = c + v * width<A>;
          Lanes<A> d = load(g.at(r, at), part) * a[v] + ((load(x.at(r, at), part) - m[v]) * b[v] + e[v]);
          if constexpr (accumulate) d += load(out.at(r, at), part);
          store(out.at(r, at), d, part);
        }
    });
  });
}

/// One channel of K arrays: runs of `walk.inner` elements.
template <int K>
struct Channel {
  const Walk<K>& walk;
  std::int64_t offset[K];
  /// f(offsets of a run's beginning) for all runs
  template <class F>
  TASUKI_LANES void each_run(F f) const {
    for (std::int64_t r = 0; r < walk.count; ++r) {
      auto at = walk.run(r);
      for (int k = 0; k < K; ++k) at.offset[k] += offset[k];
      f(at.offset);
    }
  }
};

template <class T>
void moments_of_channel(const Channel<2>& channel, const T* x, double count, double& mean, double& squares) {
  using A = compute_t<T>;
  const std::int64_t n = channel.walk.inner, s = channel.walk.inner_stride[0];
  double sum = 0;
  channel.each_run([&](const std::int64_t* at) {
    Slots<A> sums(0);
    each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      sums[k] += load_strided(x + at[0] + i * s, s, part);
    });
    sum += static_cast<double>(sums.sum());
  });
  mean = sum / count;
  const Lanes<A> m = splat(static_cast<A>(mean));
  squares = 0;
  channel.each_run([&](const std::int64_t* at) {
    Slots<A> sums(0);
    each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      const Lanes<A> d = keep<A>(load_strided(x + at[0] + i * s, s, part) - m, 0, part);
      sums[k] += d * d;
    });
    squares += static_cast<double>(sums.sum());
  });
}

template <class A>
A inverse_root(double variance) {
  return static_cast<A>(1 / __builtin_sqrt(variance));
}

template <class T>
void update_running(const BatchNormForward& f, std::int64_t c, double mean, double variance) {
  const auto step = [&](const View& running, double batch) {
    visit_floating(running.dtype, [&](auto element) {
      using R = decltype(element);
      using A = compute_t<R>;
      R& r = running.as<R>()[c * running.stride(0)];
      r = static_cast<R>(static_cast<A>((1 - f.momentum) * static_cast<double>(static_cast<A>(r)) + f.momentum * batch));
    });
  };
  if (f.running_mean) step(f.running_mean, mean);
  if (f.running_var) step(f.running_var, variance);
}

template <class T>
void forward(const BatchNormForward& f) {
  using A = compute_t<T>;
  const std::int64_t channels = f.x.size(1), count = channels ? f.x.numel / channels : 0;
  A* mean = f.mean.as<A>();
  A* inv_std = f.inv_std.as<A>();
  A* scale = static_cast<A*>(f.workspace);
  A* bias = scale + channels;
  A* partial = bias + channels;
  read_vector<A>(f.weight, scale, channels, 1);
  read_vector<A>(f.bias, bias, channels, 0);
  if (!f.training) {
    read_vector<A>(f.running_mean, mean, channels, 0);
    read_vector<A>(f.running_var, inv_std, channels, 1);
    for (std::int64_t c = 0; c < channels; ++c) inv_std[c] = inverse_root<A>(static_cast<double>(inv_std[c]) + f.eps);
  } else if (count == 0) {
    read_vector<A>(View{}, mean, channels, 0);
    read_vector<A>(View{}, inv_std, channels, 0);
  }
  if (f.x.numel == 0) return;

  const auto finish_channel = [&](std::int64_t c, double m, double squares) {
    mean[c] = static_cast<A>(m);
    inv_std[c] = inverse_root<A>(squares / static_cast<double>(count) + f.eps);
    if (f.update) update_running<T>(f, c, m, squares / static_cast<double>(count - 1));
  };
  const Walk<2> walk(f.x.shape, f.x.ndim, 1, {f.x.strides, f.y.strides});
  const T* x = f.x.as<const T>();
  T* y = f.y.as<T>();
  if (walk.count == 1 && (channels == 1 ? walk.inner == 1 : f.x.stride(1) == 1 && f.y.stride(1) == 1)) {
    const Rows<const T> from{x, walk.inner_stride[0]};
    if (f.training) {
      moments<T>(from, count, channels, partial, mean, inv_std);
      for (std::int64_t c = 0; c < channels; ++c) finish_channel(c, static_cast<double>(mean[c]), static_cast<double>(inv_std[c]));
    }
    for (std::int64_t c = 0; c < channels; ++c) scale[c] *= inv_std[c];
    normalize<T>(from, Rows<T>{y, walk.inner_stride[1]}, count, channels, mean, scale, bias);
    return;
  }
  parallel_for(channels, 1 + elements_per_chunk / count, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      const Channel<2> channel{walk, {c * f.x.stride(1), c * f.y.stride(1)}};
      if (f.training) {
        double m, squares;
        moments_of_channel(channel, x, static_cast<double>(count), m, squares);
        finish_channel(c, m, squares);
      }
      const Lanes<A> m = splat(mean[c]), s = splat(scale[c] * inv_std[c]), b = splat(bias[c]);
      channel.each_run([&](const std::int64_t* at) {
        const std::int64_t xs = walk.inner_stride[0], ys = walk.inner_stride[1];
        each_vector<A>(walk.inner, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
          store_strided(y + at[1] + i * ys, ys, (load_strided(x + at[0] + i * xs, xs, part) - m) * s + b, part);
        });
      });
    }
  });
}

/// The three factors of grad_x (see gradient) of a channel.
template <class A>
struct Factors {
  A scale, slope, shift;
  Factors(A weight, A inv_std, A sum, A product, A count, bool training)
      : scale(weight * inv_std),
        slope(training ? -scale * inv_std * inv_std * (product / count) : A(0)),
        shift(training ? -scale * (sum / count) : A(0)) {}
};

template <class T, bool accumulate>
void backward(const BatchNormBackward& b) {
  using A = compute_t<T>;
  const std::int64_t channels = b.x.size(1), count = channels ? b.x.numel / channels : 0;
  const A* mean = b.mean.as<const A>();
  const A* inv_std = b.inv_std.as<const A>();
  A* weight = static_cast<A*>(b.workspace);
  A* sums = weight + channels;
  A* products = sums + channels;
  A* shift = products + channels;
  A* partial = shift + channels;
  read_vector<A>(b.weight, weight, channels, 1);
  const View& like_x = b.grad_x ? b.grad_x : b.x;
  const Walk<3> walk(b.x.shape, b.x.ndim, 1, {b.x.strides, b.grad_y.strides, like_x.strides});
  const T* x = b.x.as<const T>();
  const T* g = b.grad_y.as<const T>();
  T* out = b.grad_x ? b.grad_x.as<T>() : nullptr;
  const bool side_by_side = b.x.stride(1) == 1 && b.grad_y.stride(1) == 1 && like_x.stride(1) == 1;

  if (b.x.numel == 0) {
    read_vector<A>(View{}, sums, channels, 0);
    read_vector<A>(View{}, products, channels, 0);
  } else if (walk.count == 1 && (channels == 1 ? walk.inner == 1 : side_by_side)) {
    const Rows<const T> xs{x, walk.inner_stride[0]}, gs{g, walk.inner_stride[1]};
    gradient_sums<T>(gs, xs, count, channels, mean, partial, sums, products);
    if (out) {
      A* slope = partial;  // free again
      for (std::int64_t c = 0; c < channels; ++c) {
        const Factors<A> f(weight[c], inv_std[c], sums[c], products[c], static_cast<A>(count), b.training);
        weight[c] = f.scale, slope[c] = f.slope, shift[c] = f.shift;
      }
      gradient<T, accumulate>(gs, xs, Rows<T>{out, walk.inner_stride[2]}, count, channels, mean, weight, slope, shift);
    }
  } else {
    parallel_for(channels, 1 + elements_per_chunk / count, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t xs = walk.inner_stride[0], gs = walk.inner_stride[1], os = walk.inner_stride[2];
      for (std::int64_t c = begin; c < end; ++c) {
        const Channel<3> channel{walk, {c * b.x.stride(1), c * b.grad_y.stride(1), c * like_x.stride(1)}};
        const Lanes<A> m = splat(mean[c]);
        double sum = 0, product = 0;
        channel.each_run([&](const std::int64_t* at) {
          Slots<A> s(0), p(0);
          each_vector<A>(walk.inner, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
            const Lanes<A> gi = load_strided(g + at[1] + i * gs, gs, part);
            s[k] += gi;
            p[k] += gi * (load_strided(x + at[0] + i * xs, xs, part) - m);
          });
          sum += static_cast<double>(s.sum());
          product += static_cast<double>(p.sum());
        });
        sums[c] = static_cast<A>(sum);
        products[c] = static_cast<A>(product);
        if (!out) continue;
        const Factors<A> f(weight[c], inv_std[c], sums[c], products[c], static_cast<A>(count), b.training);
        channel.each_run([&](const std::int64_t* at) {
          each_vector<A>(walk.inner, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
            Lanes<A> d = load_strided(g + at[1] + i * gs, gs, part) * f.scale +
                         ((load_strided(x + at[0] + i * xs, xs, part) - m) * f.slope + f.shift);
            T* to = out + at[2] + i * os;
            if constexpr (accumulate) d += load_strided<T>(to, os, part);
            store_strided(to, os, d, part);
          });
        });
      }
    });
  }
  for (std::int64_t c = 0; c < channels; ++c) products[c] *= inv_std[c];
  if (b.grad_weight) write_vector(b.grad_weight, products, b.add_to_weight);
  if (b.grad_bias) write_vector(b.grad_bias, sums, b.add_to_bias);
}

}  // namespace

void batch_norm(const BatchNormForward& f) {
  visit_floating(f.x.dtype, [&](auto element) { forward<decltype(element)>(f); });
}

void batch_norm_backward(const BatchNormBackward& b) {
  visit_floating(b.x.dtype, [&](auto element) {
    using T = decltype(element);
    b.add_to_x ? backward<T, true>(b) : backward<T, false>(b);
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
