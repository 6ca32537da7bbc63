#include "src/ops/grid_sample_graph.hpp"

#include <vector>

#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::ops {
namespace {

using kernels::cpu::GridMode;
using kernels::cpu::GridPadding;
using kernels::cpu::GridSample;

/// Coordinates in pixels as the padding has them, and whether they move with the unbounded ones (1), against them (-1) or not at all.
/// Constants: both are the same all around a place.
struct Bounded {
  Tensor at, direction;
};

Tensor flag(const Tensor& condition, const Tensor& like) { return condition.to(like.dtype()); }

Bounded reflected(const Tensor& p, double low, double high) {
  if (low == high) return {zeros_like(p), zeros_like(p)};
  const Tensor offset = p - low, distance = offset.abs(), rest = fmod(distance, high - low);
  const Tensor odd = fmod(floor(distance / (high - low)), 2).ne(0);
  return {where(odd, high - rest, low + rest), (1 - 2 * flag(odd, p)) * (1 - 2 * flag(offset.lt(0), p))};
}

Bounded bounded(const GridSample& s, const Tensor& p, std::int64_t size) {
  const double last = static_cast<double>(size - 1);
  Bounded b{p, ones_like(p)};
  if (s.padding == GridPadding::zeros) return b;
  if (s.padding == GridPadding::reflection) b = s.align_corners ? reflected(p, 0, last) : reflected(p, -0.5, last + 0.5);
  return {clamp(b.at, 0, last), b.direction * flag(b.at.gt(0), p) * flag(b.at.lt(last), p)};
}

/// A neighbour of each place along one dimension: where it lies, its weight, and the weight's slope by the grid's coordinate.
struct Neighbour {
  Tensor index, weight, slope;
};

/// `at` (a constant) may lie outside, where pixels weigh nothing.
Neighbour neighbour(const Tensor& at, const Tensor& weight, const Tensor& slope, std::int64_t size) {
  const double last = static_cast<double>(size - 1);
  const Tensor inside = flag(at.ge(0), at) * flag(at.le(last), at);
  return {clamp(nan_to_num(at), 0, last).to(i64), weight * inside, slope.defined() ? slope * inside : Tensor()};
}

/// Keys' cubic convolution with a = -3/4 at a distance d below 1, and between 1 and 2; and their slopes.
Tensor near_weight(const Tensor& d) { return (1.25 * d - 2.25) * d * d + 1; }
Tensor near_slope(const Tensor& d) { return (3.75 * d - 4.5) * d; }
Tensor far_weight(const Tensor& d) { return ((3.75 - 0.75 * d) * d - 6) * d + 3; }
Tensor far_slope(const Tensor& d) { return (7.5 - 2.25 * d) * d - 6; }

/// g: the grid's coordinates along a dimension of `size` pixels.
std::vector<Neighbour> neighbours(const GridSample& s, const Tensor& g, std::int64_t size) {
  const double n = static_cast<double>(size), pixels = (s.align_corners ? n - 1 : n) / 2;  // per unit of the grid
  constexpr double far_away = 1 << 30;  // beyond it nothing changes, and differences would be of infinities
  const Tensor p = hardtanh(s.align_corners ? (g + 1) * pixels : (g + 1) * pixels - 0.5, -far_away, far_away), fixed = p.detach();
  if (s.mode == GridMode::cubic) {
    const Tensor low = floor(fixed), t = p - low;
    const auto tap = [&](int i, const Tensor& weight, const Tensor& slope) { return neighbour(bounded(s, low + i, size).at, weight, slope * pixels, size); };
    return {tap(-1, far_weight(t + 1), far_slope(t + 1)), tap(0, near_weight(t), near_slope(t)), tap(1, near_weight(1 - t), -near_slope(1 - t)),
            tap(2, far_weight(2 - t), -far_slope(2 - t))};
  }
  const Bounded b = bounded(s, fixed, size);
  if (s.mode == GridMode::nearest) return {neighbour(round(b.at), ones_like(fixed), {}, size)};
  const Tensor low = floor(b.at), t = b.at - low + b.direction * (p - fixed), slope = b.direction * pixels;
  return {neighbour(low, 1 - t, -slope, size), neighbour(low + 1, t, slope, size)};
}

Tensor plus(const Tensor& a, const Tensor& b) { return a.defined() ? a + b : b; }

/// Goes through all combinations of neighbours, one along each dimension, and adds up what each brings.
class Taps {
 public:
  Taps(const GridSample& sample, const Tensor& grad_y, const Tensor& x, const Tensor& grid, const Shape& x_shape, bool for_x)
      : s_(sample), planes_{s_.n, s_.channels, s_.places}, grad_y_(grad_y.reshape(planes_)), for_x_(for_x) {
    pixels_ = s_.size[0] * s_.size[1] * s_.size[2];
    if (x.defined()) x_ = x.reshape({s_.n, s_.channels, pixels_});
    if (for_x) grad_x_ = zeros({s_.n, s_.channels, pixels_}, {.dtype = grad_y.dtype(), .device = grad_y.device()});
    const Tensor places = grid.reshape({s_.n, 1, s_.places, s_.dims});
    for (int d = 0; d < s_.dims; ++d) along_.push_back(neighbours(s_, places.select(3, s_.dims - 1 - d), x_shape[2 + d]));
    slopes_.resize(along_.size());
  }
  GridSampleGradients run(const Shape& x_shape, const Shape& grid_shape) {
    std::vector<const Neighbour*> chosen(along_.size());
    visit(chosen, 0);
    GridSampleGradients g;
    if (for_x_) g.x = grad_x_.reshape(x_shape);
    if (x_.defined()) {
      std::vector<Tensor> columns;  // the last dimension's coordinate comes first
      for (std::size_t d = slopes_.size(); d-- > 0;)
        columns.push_back(slopes_[d].defined() ? slopes_[d] : zeros({s_.n, 1, s_.places}, {.dtype = grad_y_.dtype(), .device = grad_y_.device()}));
      g.grid = stack(columns, 3).reshape(grid_shape);
    }
    return g;
  }

 private:
  void visit(std::vector<const Neighbour*>& chosen, std::size_t d) {
    if (d == along_.size()) return add(chosen);
    for (const Neighbour& n : along_[d]) {
      chosen[d] = &n;
      visit(chosen, d + 1);
    }
  }
  void add(const std::vector<const Neighbour*>& chosen) {
    Tensor index = chosen[0]->index;
    for (std::size_t d = 1; d < chosen.size(); ++d) index = index * s_.size[3 - s_.dims + static_cast<int>(d)] + chosen[d]->index;
    const Tensor at = index.expand(planes_);
    if (for_x_) grad_x_ = scatter_add(grad_x_, 2, at, grad_y_ * product(chosen, chosen.size()));
    if (!x_.defined() || s_.mode == GridMode::nearest) return;
    const Tensor gain = (gather(x_, 2, at) * grad_y_).sum({1}, true);
    for (std::size_t d = 0; d < chosen.size(); ++d) slopes_[d] = plus(slopes_[d], gain * product(chosen, d));
  }
  /// Of the weights, with the slope in place of the one of dimension `sloped`.
  static Tensor product(const std::vector<const Neighbour*>& chosen, std::size_t sloped) {
    Tensor result;
    for (std::size_t d = 0; d < chosen.size(); ++d) {
      const Tensor& factor = d == sloped ? chosen[d]->slope : chosen[d]->weight;
      result = result.defined() ? result * factor : factor;
    }
    return result;
  }

  GridSample s_;
  Shape planes_;
  Tensor grad_y_, x_, grad_x_;
  bool for_x_;
  std::int64_t pixels_ = 0;
  std::vector<std::vector<Neighbour>> along_;
  std::vector<Tensor> slopes_;
};

}  // namespace

GridSampleGradients grid_sample_gradients(const GridSample& sample, const Tensor& grad_y, const Tensor& x, const Tensor& grid, const Shape& x_shape, bool for_x,
                                          bool for_grid) {
  return Taps(sample, grad_y, for_grid ? x : Tensor(), grid, x_shape, for_x).run(x_shape, grid.shape());
}

}  // namespace tasuki::ops
