#include "kernels/interpolate.hpp"

#include <type_traits>

#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "kernels/vectorize.hpp"
#include "kernels/visit_floating.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t elements_per_chunk = 32768;
constexpr std::int64_t most_chunks = 64;  // each has a row of its own in the workspace

template <class A>
TASUKI_LANES const A* weights_of(const AxisTaps& axis) {
  if constexpr (std::is_same_v<A, float>) return axis.weight_f32;
  else return axis.weight;
}

/// The taps of one output position along one dimension.
template <class A>
struct Taps {
  const std::int32_t* index;
  const A* weight;
  std::int32_t count;
  TASUKI_LANES Taps(const AxisTaps& axis, std::int64_t position)
      : index(axis.index + axis.begin[position]), weight(weights_of<A>(axis) + axis.begin[position]), count(axis.begin[position + 1] - axis.begin[position]) {}
};

TASUKI_LANES std::int64_t grain_of(std::int64_t units, std::int64_t elements_each) {
  const std::int64_t enough = elements_per_chunk / (elements_each + 1) + 1, fewest = (units + most_chunks - 1) / most_chunks;
  return enough > fewest ? enough : fewest;
}

/// row = the mix of x's rows that an output row reads.
template <class T, class A>
void mix_rows(const View& x, const T* plane, const Taps<A>& depth, const Taps<A>& height, A* row) {
  const std::int64_t n = x.size(4), step = x.stride(4);
  bool first = true;
  for (std::int32_t d = 0; d < depth.count; ++d)
    for (std::int32_t h = 0; h < height.count; ++h) {
      const T* from = plane + depth.index[d] * x.stride(2) + height.index[h] * x.stride(3);
      const Lanes<A> w = splat(depth.weight[d] * height.weight[h]);
      each_vector<A>(n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
        Lanes<A> v = load_strided(from + i * step, step, part) * w;
        if (!first) v += load(row + i, part);
        store(row + i, v, part);
      });
      first = false;
    }
  if (first)
    for (std::int64_t i = 0; i < n; ++i) row[i] = 0;
}

/// How many taps every output of an axis has, where that is one number up to 2; else 0.
int uniform_taps(const AxisTaps& axis, std::int64_t n) {
  const std::int32_t count = axis.begin[1] - axis.begin[0];
  bool uniform = count == 1 || count == 2;
  for (std::int64_t i = 1; i < n; ++i) uniform &= axis.begin[i + 1] - axis.begin[i] == count;
  return uniform ? count : 0;
}

/// to = the taps of `row`, `taps` for each output (0: as many as its table says).
template <class T, bool accumulate, int taps, class A>
void write_row(const A* row, T* to, std::int64_t step, std::int64_t n, const AxisTaps& axis) {
  const A* weight = weights_of<A>(axis);
  const std::int32_t* index = axis.index;
  const auto mixed = [&](std::int64_t i) __attribute__((always_inline)) {
    if constexpr (taps == 1) return weight[i] * row[index[i]];
    if constexpr (taps == 2) return weight[2 * i] * row[index[2 * i]] + weight[2 * i + 1] * row[index[2 * i + 1]];
    A sum = 0;
    for (std::int32_t t = axis.begin[i]; t < axis.begin[i + 1]; ++t) sum += weight[t] * row[index[t]];
    return sum;
  };
  if (sizeof(T) == 2 && step == 1) {  // halves are converted by vectors
    constexpr std::int64_t block = 256;
    A sums[block];
    for (std::int64_t at = 0; at < n; at += block) {
      const std::int64_t m = n - at < block ? n - at : block;
      for (std::int64_t i = 0; i < m; ++i) sums[i] = mixed(at + i);
      each_vector<A>(m, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
        Lanes<A> v = load(sums + i, part);
        if (accumulate) v += load(to + at + i, part);
        store(to + at + i, v, part);
      });
    }
    return;
  }
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t i = 0; i < n; ++i) {
    T& place = to[i * step];
    place = static_cast<T>(accumulate ? static_cast<A>(place) + mixed(i) : mixed(i));
  }
}

template <class T, bool accumulate>
void resample_rows(const View& x, const View& y, const AxisTaps (&axes)[3], void* workspace) {
  using A = compute_t<T>;
  const std::int64_t channels = y.size(1), depths = y.size(2), heights = y.size(3), rows = y.size(0) * channels * depths * heights;
  const std::int64_t grain = grain_of(rows, 4 * (x.size(4) + y.size(4)));
  const int taps = uniform_taps(axes[2], y.size(4));
  const auto write = taps == 1 ? &write_row<T, accumulate, 1, A> : taps == 2 ? &write_row<T, accumulate, 2, A> : &write_row<T, accumulate, 0, A>;
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    A* const row = static_cast<A*>(workspace) + begin / grain * x.size(4);
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t h = r % heights, d = r / heights % depths, c = r / (heights * depths) % channels, n = r / (heights * depths * channels);
      mix_rows(x, x.as<const T>() + n * x.stride(0) + c * x.stride(1), Taps<A>(axes[0], d), Taps<A>(axes[1], h), row);
      T* to = y.as<T>() + n * y.stride(0) + c * y.stride(1) + d * y.stride(2) + h * y.stride(3);
      write(row, to, y.stride(4), y.size(4), axes[2]);
    }
  });
}

/// Channels lie side by side in both.
template <class T, bool accumulate>
void resample_pixels(const View& x, const View& y, const AxisTaps (&axes)[3]) {
  using A = compute_t<T>;
  const std::int64_t channels = y.size(1), depths = y.size(2), heights = y.size(3), rows = y.size(0) * depths * heights;
  parallel_for(rows, grain_of(rows, 4 * y.size(4) * channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t h = r % heights, d = r / heights % depths, n = r / (heights * depths);
      const Taps<A> depth(axes[0], d), height(axes[1], h);
      const T* image = x.as<const T>() + n * x.stride(0);
      T* to = y.as<T>() + n * y.stride(0) + d * y.stride(2) + h * y.stride(3);
      for (std::int64_t i = 0; i < y.size(4); ++i) {
        const Taps<A> across(axes[2], i);
        T* pixel = to + i * y.stride(4);
        each_vector<A>(channels, [&](std::int64_t c, auto part, int) __attribute__((always_inline)) {
          Lanes<A> sum{};
          for (std::int32_t k = 0; k < depth.count; ++k)
            for (std::int32_t j = 0; j < height.count; ++j) {
              const T* row = image + depth.index[k] * x.stride(2) + height.index[j] * x.stride(3) + c;
              const A outer = depth.weight[k] * height.weight[j];
              for (std::int32_t t = 0; t < across.count; ++t) sum += load(row + across.index[t] * x.stride(4), part) * (outer * across.weight[t]);
            }
          if constexpr (accumulate) sum += load<T>(pixel + c, part);
          store(pixel + c, sum, part);
        });
      }
    }
  });
}

template <class T, bool accumulate>
void run(const View& x, const View& y, const AxisTaps (&axes)[3], void* workspace) {
  if (y.size(1) > 1 && x.stride(1) == 1 && y.stride(1) == 1) resample_pixels<T, accumulate>(x, y, axes);
  else resample_rows<T, accumulate>(x, y, axes, workspace);
}

}  // namespace

void resample(const View& x, const View& y, const AxisTaps (&axes)[3], bool accumulate, void* workspace) {
  visit_floating(y.dtype, [&](auto element) {
    using T = decltype(element);
    accumulate ? run<T, true>(x, y, axes, workspace) : run<T, false>(x, y, axes, workspace);
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
