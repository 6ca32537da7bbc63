#include "tasuki/ops/pool_indices.hpp"

#include <algorithm>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/pool_argmax.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/pool_windows.hpp"
#include "src/ops/single_precision.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using kernels::cpu::TapGrid;
using kernels::cpu::TapWindow;
using ops::Spatial;

/// x is row-major, [planes, pixels].
struct PoolArgmax final : Function {
  std::vector<TapWindow> windows[3];
  Spatial sizes, counts;
  bool each_plane = false;  ///< has windows of its own
  static constexpr OpInfo op{"pool_argmax", "x", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return Spec({in[0].size(0), counts[0] * counts[1] * counts[2]}, i64); }
  void forward(Launch& l) override {
    TapGrid grid;
    grid.each_plane = each_plane;
    for (std::size_t d = 0; d < 3; ++d) {
      grid.of[d] = windows[d].data();
      grid.count[d] = counts[d];
      grid.size[d] = sizes[d];
    }
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::pool_argmax(l.in(0), l.out(0), grid);
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

/// windows_of(d) lists the windows along dimension d, counts[d] of them; or, where each plane has its own, for all planes.
template <class WindowsOf>
MaxPoolResult pooled(const Tensor& x, int dims, const Spatial& sizes, const Spatial& counts, WindowsOf windows_of, At at, bool each_plane = false) {
  PoolArgmax op;
  op.sizes = sizes;
  op.counts = counts;
  op.each_plane = each_plane;
  for (std::size_t d = 0; d < 3; ++d) op.windows[d] = windows_of(d);
  const std::int64_t n = x.size(0), c = x.size(1);
  const Tensor planes = ops::row_major(x, at).reshape({n * c, sizes[0] * sizes[1] * sizes[2]}, at);
  const Tensor index = apply(std::move(op), {&planes}, at);
  const Shape shape = ops::image_shape(n, c, counts, dims);
  return {gather(planes, 1, index, at).reshape(shape, at), index.reshape(shape, at)};
}

constexpr OpInfo max_info[] = {{"max_pool1d_with_indices", "x"}, {"max_pool2d_with_indices", "x"}, {"max_pool3d_with_indices", "x"}};
MaxPoolResult max_pool(int dims, const Tensor& x, const SpatialInts& kernel, const MaxPoolOptions& o, At at) {
  return ops::composed(max_info[dims - 1], {&x}, at, [&] {
    ops::check_images(x, dims);
    const kernels::cpu::MaxGrid grid = ops::make_grid(dims, kernel, o.stride, o.padding, o.dilation);
    const Spatial sizes = ops::spatial_sizes(x.shape(), dims), counts = ops::pooled_sizes(sizes, grid, o.ceil_mode);
    return pooled(x, dims, sizes, counts, [&](std::size_t d) {
      std::vector<TapWindow> windows;
      for (std::int64_t i = 0; i < counts[d]; ++i) {
        std::int64_t begin = i * grid[d].stride - grid[d].padding;
        const std::int64_t end = std::min(begin + grid[d].dilation * (grid[d].kernel - 1) + 1, sizes[d]);
        while (begin < 0) begin += grid[d].dilation;
        windows.push_back({begin, end, grid[d].dilation});
      }
      return windows;
    }, at);
  });
}

constexpr OpInfo adaptive_info[] = {{"adaptive_max_pool1d", "x"}, {"adaptive_max_pool2d", "x"}, {"adaptive_max_pool3d", "x"}};
constexpr OpInfo adaptive_with_indices_info[] = {{"adaptive_max_pool1d_with_indices", "x"}, {"adaptive_max_pool2d_with_indices", "x"}, {"adaptive_max_pool3d_with_indices", "x"}};
MaxPoolResult adaptive_max_pool(const OpInfo& info, int dims, const Tensor& x, const SpatialInts& output, At at) {
  return ops::composed(info, {&x}, at, [&] {
    ops::check_images(x, dims);
    const Spatial counts = ops::spatial_option("output", output, dims, 1, 1), sizes = ops::spatial_sizes(x.shape(), dims);
    TASUKI_CHECK(ShapeError, *std::min_element(sizes.begin(), sizes.end()) >= 1, "x ", x.shape(), " has no pixels to take the largest of");
    return pooled(x, dims, sizes, counts, [&](std::size_t d) {
      std::vector<TapWindow> windows;
      for (std::int64_t i = 0; i < counts[d]; ++i) windows.push_back({i * sizes[d] / counts[d], ((i + 1) * sizes[d] + counts[d] - 1) / counts[d], 1});
      return windows;
    }, at);
  });
}

/// Where windows begin that divide an image at random (B. Graham, 2014): steps of the whole part of alpha = (size - kernel) / (count - 1)
/// or one more, as the fractions of (i + sample) alpha have it; the last window ends with the image.
void add_fractional_windows(std::vector<TapWindow>& windows, double sample, std::int64_t size, std::int64_t kernel, std::int64_t count) {
  const double alpha = count > 1 ? static_cast<double>(size - kernel) / static_cast<double>(count - 1) : 0;
  const std::int64_t first = static_cast<std::int64_t>(sample * alpha);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t begin = i + 1 == count ? size - kernel : static_cast<std::int64_t>((static_cast<double>(i) + sample) * alpha) - first;
    windows.push_back({begin, begin + kernel, 1});
  }
}

/// The result's sizes, which the options give or ask for as a part of the image's.
Spatial fractional_counts(const FractionalMaxPoolOptions& o, const Spatial& sizes, int dims) {
  const bool by_ratio = o.output == SpatialInts(0);
  if (!by_ratio) return ops::spatial_option("output", o.output, dims, 1, 1);
  if (!(o.ratio > 0 && o.ratio < 1)) TASUKI_THROW(ValueError, "expected  .output, or a .ratio between 0 and 1\nactual    ratio = ", o.ratio);
  Spatial counts{1, 1, 1};
  for (std::size_t d = static_cast<std::size_t>(3 - dims); d < 3; ++d)
    counts[d] = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(sizes[d]) * o.ratio));
  return counts;
}

constexpr OpInfo fractional_info[] = {{"fractional_max_pool2d", "x"}, {"fractional_max_pool3d", "x"}};
constexpr OpInfo fractional_with_indices_info[] = {{"fractional_max_pool2d_with_indices", "x"}, {"fractional_max_pool3d_with_indices", "x"}};
MaxPoolResult fractional_max_pool(const OpInfo& info, int dims, const Tensor& x, const SpatialInts& kernel, const FractionalMaxPoolOptions& o, Generator* generator,
                                  At at) {
  return ops::composed(info, {&x}, at, [&] {
    ops::check_images(x, dims);
    const Spatial kernels = ops::spatial_option("kernel", kernel, dims, 1, 1), sizes = ops::spatial_sizes(x.shape(), dims), counts = fractional_counts(o, sizes, dims);
    for (std::size_t d = 0; d < 3; ++d)
      if (counts[d] + kernels[d] - 1 > sizes[d])
        TASUKI_THROW(ShapeError, "expected  images of at least output + kernel - 1 = ", counts[d] + kernels[d] - 1, " pixels\nactual    ", sizes[d], " in x ", x.shape());
    const Shape samples_shape{x.size(0), x.size(1), dims};
    if (o.samples.defined()) ops::check_shape(o.samples, "samples", samples_shape);
    const Tensor drawn = o.samples.defined() ? o.samples.to(f64, at).to(Device::cpu()) : rand(samples_shape, {.dtype = f64}, generator, at);
    const std::vector<double> samples = drawn.to_vector<double>();
    return pooled(x, dims, sizes, counts, [&](std::size_t d) {
      std::vector<TapWindow> windows;
      const std::size_t first = static_cast<std::size_t>(3 - dims), step = static_cast<std::size_t>(dims);
      for (std::size_t at_plane = 0; at_plane < samples.size(); at_plane += step)
        add_fractional_windows(windows, d < first ? 0 : samples[at_plane + d - first], sizes[d], kernels[d], counts[d]);
      return windows;
    }, at, true);
  });
}

constexpr OpInfo unpool_info[] = {{"max_unpool1d", "x, indices"}, {"max_unpool2d", "x, indices"}, {"max_unpool3d", "x, indices"}};
Tensor max_unpool(int dims, const Tensor& x, const Tensor& indices, const SpatialInts& kernel, const MaxUnpoolOptions& o, At at) {
  return ops::composed(unpool_info[dims - 1], {&x, &indices}, at, [&] {
    ops::check_images(x, dims);
    ops::check_index_dtype(indices, "indices");
    ops::check_shape(indices, "indices", x.shape());
    const kernels::cpu::MaxGrid grid = ops::make_grid(dims, kernel, o.stride, o.padding, 1);
    const Spatial given = ops::spatial_option("output", o.output, dims, 1, 0);
    Spatial sizes = ops::spatial_sizes(x.shape(), dims);
    for (std::size_t d = 0; d < 3; ++d)
      sizes[d] = o.output == SpatialInts(0) ? (sizes[d] - 1) * grid[d].stride - 2 * grid[d].padding + grid[d].kernel : given[d];
    const std::int64_t n = x.size(0), c = x.size(1);
    const Tensor image = zeros({n * c, sizes[0] * sizes[1] * sizes[2]}, {.dtype = x.dtype(), .device = x.device()}, at);
    const auto flat = [&](const Tensor& t) { return ops::row_major(t, at).reshape({n * c, n * c > 0 ? t.numel() / (n * c) : 0}, at); };
    return scatter(image, 1, flat(indices), flat(x), at).reshape(ops::image_shape(n, c, sizes, dims), at);
  });
}

constexpr OpInfo lp_info[] = {{"lp_pool1d", "x"}, {"lp_pool2d", "x"}, {"lp_pool3d", "x"}};
Tensor lp_pool(int dims, const Tensor& x, double p, const SpatialInts& kernel, const LpPoolOptions& o, At at) {
  return ops::composed(lp_info[dims - 1], {&x}, at, [&] {
    TASUKI_CHECK_OP(ValueError, p, >, 0.0, "the power of the sum");
    ops::check_images(x, dims);
    const ops::Spatial k = ops::spatial_option("kernel", kernel, dims, 1, 1);
    const auto mean = dims == 1 ? avg_pool1d : dims == 2 ? avg_pool2d : avg_pool3d;
    return ops::in_single_precision(x, at, [&](const Tensor& wide) {
      const Tensor means = mean(wide.pow({p, at}), kernel, {.stride = o.stride, .ceil_mode = o.ceil_mode}, at);
      return means.mul({static_cast<double>(k[0] * k[1] * k[2]), at}).pow({1 / p, at});
    });
  });
}

}  // namespace

#define TASUKI_POOLS(n)                                                                                                                                \
  MaxPoolResult max_pool##n##d_with_indices(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options, At at) {                               \
    return max_pool(n, x, kernel, options, at);                                                                                                        \
  }                                                                                                                                                    \
  MaxPoolResult adaptive_max_pool##n##d_with_indices(const Tensor& x, SpatialInts output, At at) {                                                     \
    return adaptive_max_pool(adaptive_with_indices_info[n - 1], n, x, output, at);                                                                     \
  }                                                                                                                                                    \
  Tensor adaptive_max_pool##n##d(const Tensor& x, SpatialInts output, At at) { return adaptive_max_pool(adaptive_info[n - 1], n, x, output, at).values; } \
  Tensor max_unpool##n##d(const Tensor& x, const Tensor& indices, SpatialInts kernel, const MaxUnpoolOptions& options, At at) {                        \
    return max_unpool(n, x, indices, kernel, options, at);                                                                                             \
  }                                                                                                                                                    \
  Tensor lp_pool##n##d(const Tensor& x, double p, SpatialInts kernel, const LpPoolOptions& options, At at) { return lp_pool(n, x, p, kernel, options, at); }
#define TASUKI_FRACTIONAL_POOLS(n)                                                                                                                     \
  Tensor fractional_max_pool##n##d(const Tensor& x, SpatialInts kernel, const FractionalMaxPoolOptions& options, Generator* generator, At at) {       \
    return fractional_max_pool(fractional_info[n - 2], n, x, kernel, options, generator, at).values;                                                   \
  }                                                                                                                                                    \
  MaxPoolResult fractional_max_pool##n##d_with_indices(const Tensor& x, SpatialInts kernel, const FractionalMaxPoolOptions& options, Generator* generator, At at) { \
    return fractional_max_pool(fractional_with_indices_info[n - 2], n, x, kernel, options, generator, at);                                             \
  }
TASUKI_FRACTIONAL_POOLS(2)
TASUKI_FRACTIONAL_POOLS(3)
#undef TASUKI_FRACTIONAL_POOLS

TASUKI_POOLS(1)
TASUKI_POOLS(2)
TASUKI_POOLS(3)
#undef TASUKI_POOLS

}  // namespace tasuki
