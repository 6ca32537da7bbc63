#include "kernels/batch_norm.hpp"

#include "kernels/channel_vector.hpp"
#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "kernels/walk.hpp"

// Two forms. `Rows`: channels lie side by side and all other dimensions merge into rows (channels-last, and [N, C]); vectors run
// over channels and blocks of them stay in registers down a chunk of rows. `Runs`: everything else; each channel of each image is a
// run of elements at equal distances (a plane, in [N, C, H, W]), vectors run along it, and runs are visited in memory order.

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t elements_per_chunk = 131072;
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

/// Moments of all from those of chunks of `grain` out of n rows (or images), each of `elements` per channel: Chan, Golub, LeVeque.
template <class A>
void join_moments(const A* partial, std::int64_t chunks, std::int64_t grain, std::int64_t n, std::int64_t elements, std::int64_t channels,
                  A* mean, A* squares) {
  for (std::int64_t k = 0; k < chunks; ++k) {
    const A before = static_cast<A>(k * grain * elements), here = static_cast<A>(((k + 1 < chunks ? (k + 1) * grain : n) - k * grain) * elements);
    const A *means = partial + k * 2 * channels, *squared = means + channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const A d = k == 0 ? means[c] : means[c] - mean[c];
      mean[c] = k == 0 ? means[c] : mean[c] + d * (here / (before + here));
      squares[c] = k == 0 ? squared[c] : squares[c] + squared[c] + d * d * (before * (here / (before + here)));
    }
  }
}

template <class A>
void join_sums(const A* partial, std::int64_t chunks, std::int64_t channels, A* sums, A* products) {
  for (std::int64_t c = 0; c < channels; ++c) sums[c] = products[c] = 0;
  for (std::int64_t k = 0; k < chunks; ++k) {
    const A* here = partial + k * 2 * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      sums[c] += here[c];
      products[c] += here[channels + c];
    }
  }
}

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
  join_moments(partial, chunks.count, chunks.grain, rows, 1, channels, mean, squares);
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
  join_sums(partial, chunks.count, channels, sums, products);
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

/// K arrays as runs, `walk.inner` long, one for each image (a place in the walk) and channel. Work is given out in tiles: a chunk of
/// images times a block of channels, so that few large images and many small ones both make enough of them.
template <int K>
struct Runs {
  const Walk<K>& walk;
  std::int64_t channels, channel_stride[K];
  std::int64_t block, blocks, grain, chunks;  ///< channels in a block, images in a chunk

  Runs(const Walk<K>& w, std::int64_t n, const std::int64_t (&strides)[K]) : walk(w), channels(n) {
    for (int k = 0; k < K; ++k) channel_stride[k] = strides[k];
    block = 4096 / walk.inner + 1 < channels ? 4096 / walk.inner + 1 : channels;
    blocks = (channels + block - 1) / block;
    const std::int64_t enough = elements_per_chunk / (block * walk.inner) + 1, fewest = (walk.count + most_chunks - 1) / most_chunks;
    grain = enough > fewest ? enough : fewest;
    chunks = (walk.count + grain - 1) / grain;
  }
  /// f(chunk, image counted from the chunk's first, channel, where its run starts in each array)
  template <class F>
  TASUKI_LANES void each(const F& f) const {
    parallel_for(chunks * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t tile = begin; tile < end; ++tile) {
        const std::int64_t chunk = tile / blocks, first = tile % blocks * block, last = first + block < channels ? first + block : channels;
        const std::int64_t image_end = (chunk + 1) * grain < walk.count ? (chunk + 1) * grain : walk.count;
        for (std::int64_t image = chunk * grain; image < image_end; ++image) {
          const auto at = walk.run(image);
          for (std::int64_t c = first; c < last; ++c) {
            std::int64_t offset[K];
            for (int k = 0; k < K; ++k) offset[k] = at.offset[k] + c * channel_stride[k];
            f(chunk, image - chunk * grain, c, offset);
          }
        }
      }
    });
  }
};

template <class T, class A>
void moments(const Runs<2>& runs, const T* x, A* partial, A* mean, A* squares) {
  const std::int64_t n = runs.walk.inner, s = runs.walk.inner_stride[0], channels = runs.channels;
  const A count = static_cast<A>(n);
  runs.each([&](std::int64_t chunk, std::int64_t before, std::int64_t c, const std::int64_t* at) {
    const T* from = x + at[0];
    Slots<A> sums(0), deviations(0);
    each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) { sums[k] += load_strided(from + i * s, s, part); });
    const A m = sums.sum() / count;
    const Lanes<A> middle = splat(m);
    each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      const Lanes<A> d = keep<A>(load_strided(from + i * s, s, part) - middle, 0, part);
      deviations[k] += d * d;
    });
    A *means = partial + chunk * 2 * channels, *squared = means + channels;
    const A seen = static_cast<A>(before), d = before == 0 ? m : m - means[c];
    means[c] = before == 0 ? m : means[c] + d / (seen + 1);
    squared[c] = before == 0 ? deviations.sum() : squared[c] + deviations.sum() + d * d * (count * seen / (seen + 1));
  });
  join_moments(partial, runs.chunks, runs.grain, runs.walk.count, n, channels, mean, squares);
}

template <class T, class A>
void normalize(const Runs<2>& runs, const T* x, T* y, const A* mean, const A* scale, const A* bias) {
  const std::int64_t xs = runs.walk.inner_stride[0], ys = runs.walk.inner_stride[1];
  runs.each([&](std::int64_t, std::int64_t, std::int64_t c, const std::int64_t* at) {
    const Lanes<A> m = splat(mean[c]), s = splat(scale[c]), b = splat(bias[c]);
    each_vector<A>(runs.walk.inner, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
      store_strided(y + at[1] + i * ys, ys, (load_strided(x + at[0] + i * xs, xs, part) - m) * s + b, part);
    });
  });
}

template <class T, class A>
void gradient_sums(const Runs<3>& runs, const T* x, const T* g, const A* mean, A* partial, A* sums, A* products) {
  const std::int64_t xs = runs.walk.inner_stride[0], gs = runs.walk.inner_stride[1];
  runs.each([&](std::int64_t chunk, std::int64_t before, std::int64_t c, const std::int64_t* at) {
    const Lanes<A> m = splat(mean[c]);
    Slots<A> s(0), p(0);
    each_vector<A>(runs.walk.inner, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      const Lanes<A> gi = load_strided(g + at[1] + i * gs, gs, part);
      s[k] += gi;
      p[k] += gi * (load_strided(x + at[0] + i * xs, xs, part) - m);
    });
    A* here = partial + chunk * 2 * runs.channels + c;
    here[0] = s.sum() + (before == 0 ? A(0) : here[0]);
    here[runs.channels] = p.sum() + (before == 0 ? A(0) : here[runs.channels]);
  });
  join_sums(partial, runs.chunks, runs.channels, sums, products);
}

template <class T, bool accumulate, class A>
void gradient(const Runs<3>& runs, const T* x, const T* g, T* out, const A* mean, const A* scale, const A* slope, const A* shift) {
  const std::int64_t xs = runs.walk.inner_stride[0], gs = runs.walk.inner_stride[1], os = runs.walk.inner_stride[2];
  runs.each([&](std::int64_t, std::int64_t, std::int64_t c, const std::int64_t* at) {
    const Lanes<A> m = splat(mean[c]), a = splat(scale[c]), b = splat(slope[c]), e = splat(shift[c]);
    each_vector<A>(runs.walk.inner, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
      Lanes<A> d = load_strided(g + at[1] + i * gs, gs, part) * a + ((load_strided(x + at[0] + i * xs, xs, part) - m) * b + e);
      T* to = out + at[2] + i * os;
      if constexpr (accumulate) d += load_strided<T>(to, os, part);
      store_strided(to, os, d, part);
    });
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
  ChannelJoin* const join = f.training ? f.join : nullptr;
  const auto finish_channels = [&](double total, const auto* means, const auto* squares) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const double m = static_cast<double>(means[c]), s = static_cast<double>(squares[c]);
      mean[c] = static_cast<A>(m);
      inv_std[c] = inverse_root<A>(s / total + f.eps);
      if (f.update) update_running<T>(f, c, m, s / (total - 1));
    }
  };
  const auto join_moments = [&] {
    double *const means = join->values, *const squares = means + channels;
    for (std::int64_t c = 0; c < channels; ++c) means[c] = static_cast<double>(mean[c]), squares[c] = static_cast<double>(inv_std[c]);
    const double total = join->moments(channels, static_cast<double>(count));
    if (total > 0) finish_channels(total, means, squares);
  };
  if (f.x.numel == 0) return join ? join_moments() : void();
  const Walk<2> walk(f.x.shape, f.x.ndim, 1, {f.x.strides, f.y.strides});
  const bool side_by_side = walk.count == 1 && (channels == 1 ? walk.inner == 1 : f.x.stride(1) == 1 && f.y.stride(1) == 1);
  const Rows<const T> from{f.x.as<const T>(), walk.inner_stride[0]};
  const Rows<T> to{f.y.as<T>(), walk.inner_stride[1]};
  const Runs<2> runs(walk, channels, {f.x.stride(1), f.y.stride(1)});
  if (f.training) {
    if (side_by_side) moments<T>(from, count, channels, partial, mean, inv_std);
    else moments<T>(runs, from.p, partial, mean, inv_std);
    if (join) join_moments();
    else finish_channels(static_cast<double>(count), mean, inv_std);
  }
  for (std::int64_t c = 0; c < channels; ++c) scale[c] *= inv_std[c];
  if (side_by_side) normalize<T>(from, to, count, channels, mean, scale, bias);
  else normalize<T>(runs, from.p, to.p, mean, scale, bias);
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

/// Sums over all processes, in the join's values. Returns how many elements of a channel they are over.
template <class A>
double joined_sums(ChannelJoin& join, const A* sums, const A* products, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) join.values[c] = static_cast<double>(sums[c]), join.values[channels + c] = static_cast<double>(products[c]);
  return join.sums(channels);
}

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
  const bool side_by_side = walk.count == 1 && (channels == 1 ? walk.inner == 1
                                                              : b.x.stride(1) == 1 && b.grad_y.stride(1) == 1 && like_x.stride(1) == 1);
  ChannelJoin* const join = b.training ? b.join : nullptr;
  if (b.x.numel == 0) {
    read_vector<A>(View{}, sums, channels, 0);
    read_vector<A>(View{}, products, channels, 0);
    if (join) joined_sums(*join, sums, products, channels);
  } else {
    const Rows<const T> xs{x, walk.inner_stride[0]}, gs{g, walk.inner_stride[1]};
    const Runs<3> runs(walk, channels, {b.x.stride(1), b.grad_y.stride(1), like_x.stride(1)});
    if (side_by_side) gradient_sums<T>(gs, xs, count, channels, mean, partial, sums, products);
    else gradient_sums<T>(runs, x, g, mean, partial, sums, products);
    const double total = join ? joined_sums(*join, sums, products, channels) : static_cast<double>(count);
    if (out) {
      A* slope = partial;  // free again
      for (std::int64_t c = 0; c < channels; ++c) {
        // Gradients of weight and bias are added up with those of the other processes later; x depends on all of them now.
        const A sum = join ? static_cast<A>(join->values[c]) : sums[c], product = join ? static_cast<A>(join->values[channels + c]) : products[c];
        const Factors<A> f(weight[c], inv_std[c], sum, product, static_cast<A>(total), b.training);
        weight[c] = f.scale, slope[c] = f.slope, shift[c] = f.shift;
      }
      if (side_by_side) gradient<T, accumulate>(gs, xs, Rows<T>{out, walk.inner_stride[2]}, count, channels, mean, weight, slope, shift);
      else gradient<T, accumulate>(runs, x, g, out, mean, weight, slope, shift);
    }
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
