#include "kernels/grid_sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/parallel.hpp"

namespace tasuki::kernels::cpu {
namespace {

constexpr std::int64_t block = 64;        // places whose taps are kept at hand
constexpr std::int64_t work_per_chunk = 16384;

/// A coordinate in pixels, and how fast it moves with that of the grid.
template <class A>
struct Position {
  A at, slope;
};

/// At the border, a position outside does not move with the grid.
template <class A>
Position<A> clipped(Position<A> p, std::int64_t size) {
  const A last = static_cast<A>(size - 1);
  if (p.at <= 0) return {0, 0};
  if (p.at >= last) return {last, 0};
  return p;
}

template <class A>
Position<A> reflected(Position<A> p, A low, A high) {
  if (low == high) return {0, 0};
  const A span = high - low;
  A distance = p.at - low;
  if (distance < 0) {
    distance = -distance;
    p.slope = -p.slope;
  }
  const A rest = std::fmod(distance, span);
  const bool odd = std::fmod(std::floor(distance / span), A(2)) != 0;
  return odd ? Position<A>{high - rest, -p.slope} : Position<A>{low + rest, p.slope};
}

/// In pixels, wherever that is.
template <class A>
Position<A> unbounded_position(A g, std::int64_t size, const GridSample& s) {
  const A n = static_cast<A>(size);
  return s.align_corners ? Position<A>{(g + 1) / 2 * (n - 1), (n - 1) / 2} : Position<A>{((g + 1) * n - 1) / 2, n / 2};
}
/// As the padding has it.
template <class A>
Position<A> bounded(Position<A> p, std::int64_t size, const GridSample& s) {
  const A n = static_cast<A>(size);
  if (s.padding == GridPadding::border) return clipped(p, size);
  if (s.padding == GridPadding::reflection)
    return clipped(s.align_corners ? reflected<A>(p, 0, n - 1) : reflected<A>(p, A(-0.5), n - A(0.5)), size);
  return p;
}

/// Of numbers that an i64 holds, and without a call.
template <class A>
A rounded_down(A v) {
  const A whole = static_cast<A>(static_cast<std::int64_t>(v));
  return whole > v ? whole - 1 : whole;
}
template <class A>
A rounded_to_even(A v) {
  const A low = rounded_down(v), rest = v - low;
  const bool odd = static_cast<std::int64_t>(low) & 1;
  return rest > A(0.5) || (rest == A(0.5) && odd) ? low + 1 : low;
}

/// The pixels that a place is mixed of: their offsets in a plane and weights.
template <class A>
struct Taps {
  static constexpr int most = 16;
  int count = 0;
  std::int32_t offset[most];  // planes have less than 2^31 pixels, as the op has checked
  A weight[most];
};
/// What the weights gain by a step of each coordinate, in the order of the sizes.
template <class A>
struct Slopes {
  A of[3][Taps<A>::most];
};

/// Keys' cubic convolution with a = -3/4: weights of four neighbours at t past the second one, and their slopes.
template <class A>
void cubic_weights(A t, A (&weight)[4], A (&slope)[4]) {
  constexpr A a = A(-0.75);
  const auto near = [](A d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto near_slope = [](A d) { return (3 * (a + 2) * d - 2 * (a + 3)) * d; };
  const auto far = [](A d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  const auto far_slope = [](A d) { return (3 * a * d - 10 * a) * d + 8 * a; };
  weight[0] = far(t + 1), weight[1] = near(t), weight[2] = near(1 - t), weight[3] = far(2 - t);
  slope[0] = far_slope(t + 1), slope[1] = near_slope(t), slope[2] = -near_slope(1 - t), slope[3] = -far_slope(2 - t);
}

/// Of an image: 4 x 4 neighbours, each of which the padding moves by itself.
template <class A>
void find_cubic_taps(const GridSample& s, const Position<A> (&p)[3], const A (&floor)[3], Taps<A>& taps, Slopes<A>* slopes) {
  A weight[2][4], slope[2][4];
  std::int64_t index[2][4];
  for (int d = 0; d < 2; ++d) {
    cubic_weights(p[d + 1].at - floor[d + 1], weight[d], slope[d]);
    for (int i = 0; i < 4; ++i) {
      const Position<A> place = bounded(Position<A>{floor[d + 1] + static_cast<A>(i - 1), 0}, s.size[d + 1], s);
      const auto at = static_cast<std::int64_t>(place.at);
      index[d][i] = at >= 0 && at < s.size[d + 1] ? at : -1;
    }
  }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      if (index[0][i] < 0 || index[1][j] < 0) continue;
      const int k = taps.count++;
      taps.offset[k] = static_cast<std::int32_t>(index[0][i] * s.size[2] + index[1][j]);
      taps.weight[k] = weight[0][i] * weight[1][j];
      if (!slopes) continue;
      slopes->of[0][k] = 0;
      slopes->of[1][k] = p[1].slope * slope[0][i] * weight[1][j];
      slopes->of[2][k] = p[2].slope * weight[0][i] * slope[1][j];
    }
}

/// The pixel that is nearest to a place inside the image, as most places are; false elsewhere, and where the padding has a say.
template <class A>
bool find_nearest_inside(const GridSample& s, const A* g, Taps<A>& taps) {
  std::int64_t offset = 0;
  for (int d = 3 - s.dims; d < 3; ++d) {
    const A at = unbounded_position(g[2 - d], s.size[d], s).at;
    if (!(at >= 0 && at <= static_cast<A>(s.size[d] - 1))) return false;
    offset = offset * s.size[d] + static_cast<std::int64_t>(rounded_to_even(at));
  }
  taps.count = 1;
  taps.offset[0] = static_cast<std::int32_t>(offset);
  taps.weight[0] = 1;
  return true;
}

/// The four neighbours of a place between the pixels of an image, where the padding has no say either.
template <class A>
bool find_corners_inside(const GridSample& s, const A* g, Taps<A>& taps, Slopes<A>* slopes) {
  if (s.dims != 2) return false;
  const Position<A> y = unbounded_position(g[1], s.size[1], s), x = unbounded_position(g[0], s.size[2], s);
  if (!(y.at >= 0 && y.at < static_cast<A>(s.size[1] - 1) && x.at >= 0 && x.at < static_cast<A>(s.size[2] - 1))) return false;
  const auto row = static_cast<std::int64_t>(y.at), column = static_cast<std::int64_t>(x.at);
  const A lower = y.at - static_cast<A>(row), right = x.at - static_cast<A>(column), of_row[] = {1 - lower, lower}, of_column[] = {1 - right, right};
  taps.count = 4;
  for (int c = 0; c < 4; ++c) {
    const int below = c >> 1, beside = c & 1;
    taps.offset[c] = static_cast<std::int32_t>((row + below) * s.size[2] + column + beside);
    taps.weight[c] = of_row[below] * of_column[beside];
    if (!slopes) continue;
    slopes->of[0][c] = 0;
    slopes->of[1][c] = (below ? y.slope : -y.slope) * of_column[beside];
    slopes->of[2][c] = (beside ? x.slope : -x.slope) * of_row[below];
  }
  return true;
}

template <class A>
void find_taps(const GridSample& s, const A* g, Taps<A>& taps, Slopes<A>* slopes) {
  if (s.mode == GridMode::nearest && !slopes && find_nearest_inside(s, g, taps)) return;
  if (s.mode == GridMode::linear && find_corners_inside(s, g, taps, slopes)) return;
  taps.count = 0;
  Position<A> p[3];
  A floor[3] = {};
  bool not_a_number = false;
  for (int d = 3 - s.dims; d < 3; ++d) {
    p[d] = unbounded_position(g[2 - d], s.size[d], s);
    if (s.mode != GridMode::cubic) p[d] = bounded(p[d], s.size[d], s);
    not_a_number |= p[d].at != p[d].at;
    // far outside, where an index would overflow
    const A limit = s.mode == GridMode::cubic ? A(1 << 30) : static_cast<A>(s.size[d]) + 2;
    p[d].at = p[d].at > limit ? limit : p[d].at > -limit ? p[d].at : -limit;
    floor[d] = s.mode == GridMode::nearest ? rounded_to_even(p[d].at) : rounded_down(p[d].at);
  }
  if (not_a_number) {
    taps.count = 1;
    taps.offset[0] = 0;
    taps.weight[0] = std::numeric_limits<A>::quiet_NaN();
    for (int d = 0; d < 3 && slopes; ++d) slopes->of[d][0] = taps.weight[0];
    return;
  }
  if (s.mode == GridMode::cubic) return find_cubic_taps(s, p, floor, taps, slopes);
  const int corners = s.mode == GridMode::nearest ? 1 : 1 << s.dims;
  for (int c = 0; c < corners; ++c) {
    std::int64_t offset = 0;
    A weight = 1, factor[3] = {1, 1, 1}, sign[3] = {};
    bool inside = true;
    for (int d = 3 - s.dims; d < 3; ++d) {
      const bool upper = c >> (2 - d) & 1;
      const std::int64_t i = static_cast<std::int64_t>(floor[d]) + upper;
      inside &= i >= 0 && i < s.size[d];
      offset = offset * s.size[d] + i;
      if (s.mode == GridMode::nearest) continue;
      const A share = p[d].at - floor[d];
      factor[d] = upper ? share : 1 - share;
      sign[d] = upper ? p[d].slope : -p[d].slope;
      weight *= factor[d];
    }
    if (!inside) continue;
    const int k = taps.count++;
    taps.offset[k] = static_cast<std::int32_t>(offset);
    taps.weight[k] = weight;
    if (slopes) {
      slopes->of[0][k] = sign[0] * factor[1] * factor[2];
      slopes->of[1][k] = sign[1] * factor[0] * factor[2];
      slopes->of[2][k] = sign[2] * factor[0] * factor[1];
    }
  }
}

/// Calls f(how many, as a constant; first) for a few planes at a time: what is known of a place is then loaded once for all of them.
template <class F>
void for_planes(std::int64_t begin, std::int64_t end, F&& f) {
  for (; begin + 4 <= end; begin += 4) f(std::integral_constant<int, 4>(), begin);
  for (; begin < end; ++begin) f(std::integral_constant<int, 1>(), begin);
}

template <class T>
struct Sampler {
  const GridSample& s;
  std::int64_t pixels;
  const T *x, *grid;

  Sampler(const GridSample& sample, const View& image, const View& places)
      : s(sample), pixels(s.size[0] * s.size[1] * s.size[2]), x(image ? image.as<const T>() : nullptr), grid(places.as<const T>()) {}

  void taps_of(std::int64_t image, std::int64_t place, Taps<T>& taps, Slopes<T>* slopes = nullptr) const {
    const T* at = grid + (image * s.places + place) * s.dims;
    find_taps(s, at, taps, slopes);
  }
  /// The sum over a place's taps of weight times pixel.
  static T mixed(const Taps<T>& t, const T* plane) {
    if (t.count == 4) {
      return (t.weight[0] * plane[t.offset[0]] + t.weight[1] * plane[t.offset[1]]) +
             (t.weight[2] * plane[t.offset[2]] + t.weight[3] * plane[t.offset[3]]);
    }
    if (t.count == 1) return t.weight[0] * plane[t.offset[0]];
    T sum = 0;
    for (int k = 0; k < t.count; ++k) sum += t.weight[k] * plane[t.offset[k]];
    return sum;
  }

  /// Places of one tap at most, for all channels.
  void pick(const Taps<T>* taps, std::int64_t image, std::int64_t first, std::int64_t count, T* y) const {
    std::int32_t from[block], to[block];  // of the places inside the image
    T weight[block];                      // 1, or NaN
    std::int64_t inside = 0;
    bool has_nan = false;
    for (std::int64_t i = 0; i < count; ++i) {
      if (taps[i].count == 0) continue;
      from[inside] = taps[i].offset[0];
      weight[inside] = taps[i].weight[0];
      has_nan |= !(weight[inside] == 1);
      to[inside++] = static_cast<std::int32_t>(i);
    }
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const T* plane = x + (image * s.channels + c) * pixels;
      T* target = y + (image * s.channels + c) * s.places + first;
      if (inside == count && !has_nan) {
        for (std::int64_t i = 0; i < count; ++i) target[i] = plane[from[i]];
        continue;
      }
      if (inside < count) std::fill_n(target, count, T(0));
      for (std::int64_t i = 0; i < inside; ++i) target[to[i]] = weight[i] * plane[from[i]];
    }
  }

  void forward(T* y) const {
    const std::int64_t blocks = (s.places + block - 1) / block;
    parallel_for(s.n * blocks, 1 + work_per_chunk / (block * (s.channels + 8)), [&](std::int64_t begin, std::int64_t end) {
      Taps<T> taps[block];
      for (std::int64_t b = begin; b < end; ++b) {
        const std::int64_t image = b / blocks, first = b % blocks * block, count = std::min(block, s.places - first);
        for (std::int64_t i = 0; i < count; ++i) taps_of(image, first + i, taps[i]);
        if (s.mode == GridMode::nearest) {
          pick(taps, image, first, count, y);
          continue;
        }
        for (std::int64_t c = 0; c < s.channels; ++c) {
          const T* plane = x + (image * s.channels + c) * pixels;
          T* to = y + (image * s.channels + c) * s.places + first;
          for (std::int64_t i = 0; i < count; ++i) to[i] = mixed(taps[i], plane);
        }
      }
    });
  }

  /// sums: of all planes, zero at first.
  void add_to_planes(const T* grad_y, T* sums) const {
    constexpr std::int64_t together = 16;  // planes that share their taps
    const std::int64_t groups = (s.channels + together - 1) / together;
    parallel_for(s.n * groups, 1 + work_per_chunk / (s.places * together + 1), [&](std::int64_t begin, std::int64_t end) {
      Taps<T> taps[block];
      for (std::int64_t j = begin; j < end; ++j) {
        const std::int64_t image = j / groups, first_channel = j % groups * together, last = std::min(first_channel + together, s.channels);
        for (std::int64_t first = 0; first < s.places; first += block) {
          const std::int64_t count = std::min(block, s.places - first);
          for (std::int64_t i = 0; i < count; ++i) taps_of(image, first + i, taps[i]);
          for_planes(first_channel, last, [&](auto planes, std::int64_t c) {
            const T* g = grad_y + (image * s.channels + c) * s.places + first;
            T* plane = sums + (image * s.channels + c) * pixels;
            for (std::int64_t i = 0; i < count; ++i)
              for (int k = 0; k < taps[i].count; ++k) {
                const T weight = taps[i].weight[k];
                const std::int64_t offset = taps[i].offset[k];
                for (int p = 0; p < planes; ++p) plane[p * pixels + offset] += weight * g[p * s.places + i];
              }
          });
        }
      }
    });
  }

  void grid_gradient(const T* grad_y, T* grad_grid, bool add) const {
    const std::int64_t blocks = (s.places + block - 1) / block;
    parallel_for(s.n * blocks, 1 + work_per_chunk / (block * (s.channels + 8)), [&](std::int64_t begin, std::int64_t end) {
      Taps<T> taps[block];
      Slopes<T> slopes[block];
      for (std::int64_t b = begin; b < end; ++b) {
        const std::int64_t image = b / blocks, first = b % blocks * block, count = std::min(block, s.places - first);
        T products[block][Taps<T>::most] = {};  // of the gradient and a tap's pixel, summed over the channels
        for (std::int64_t i = 0; i < count; ++i) taps_of(image, first + i, taps[i], &slopes[i]);
        for_planes(0, s.mode == GridMode::nearest ? 0 : s.channels, [&](auto planes, std::int64_t c) {
          const T *plane = x + (image * s.channels + c) * pixels, *g = grad_y + (image * s.channels + c) * s.places + first;
          for (std::int64_t i = 0; i < count; ++i)
            for (int k = 0; k < taps[i].count; ++k) {
              T sum = products[i][k];
              for (int p = 0; p < planes; ++p) sum += g[p * s.places + i] * plane[p * pixels + taps[i].offset[k]];
              products[i][k] = sum;
            }
        });
        for (std::int64_t i = 0; i < count; ++i)
          for (int d = 0; d < s.dims; ++d) {
            T sum = 0;
            for (int k = 0; k < taps[i].count && s.mode != GridMode::nearest; ++k) sum += slopes[i].of[2 - d][k] * products[i][k];
            T& to = grad_grid[(image * s.places + first + i) * s.dims + d];
            to = add ? to + sum : sum;
          }
      }
    });
  }
};

}  // namespace

void grid_sample(const GridSample& s, const View& x, const View& grid, const View& y) {
  if (y.numel == 0) return;
  if (x.dtype == DType::f64) Sampler<double>(s, x, grid).forward(y.as<double>());
  else Sampler<float>(s, x, grid).forward(y.as<float>());
}

namespace {

template <class T>
void backward(const GridSample& s, const View& grad_y, const View& x, const View& grid, const View& grad_x, const View& grad_grid, bool add_to_x, bool add_to_grid) {
  const Sampler<T> sampler(s, x, grid);
  if (grad_x && grad_x.numel) {
    if (!add_to_x) std::fill_n(grad_x.as<T>(), grad_x.numel, T(0));
    sampler.add_to_planes(grad_y.as<const T>(), grad_x.as<T>());
  }
  if (grad_grid && grad_grid.numel) sampler.grid_gradient(grad_y.as<const T>(), grad_grid.as<T>(), add_to_grid);
}

}  // namespace

void grid_sample_backward(const GridSample& s, const View& grad_y, const View& x, const View& grid, const View& grad_x, const View& grad_grid,
                          bool add_to_x, bool add_to_grid) {
  (grid.dtype == DType::f64 ? backward<double> : backward<float>)(s, grad_y, x, grid, grad_x, grad_grid, add_to_x, add_to_grid);
}

}  // namespace tasuki::kernels::cpu
