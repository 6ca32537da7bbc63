#include "tasuki/ops/pool.hpp"

#include <algorithm>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/pool.hpp"
#include "src/ops/pool_windows.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

using kernels::cpu::MaxGrid;
using kernels::cpu::MaxWindows;
using kernels::cpu::MeanGrid;
using kernels::cpu::MeanWindow;
using ops::make_grid;
using ops::pooled_sizes;
using ops::Spatial;
using ops::window_text;

/// The map that carries y's values back to x's places, and its transpose, are linear; each is the gradient of the other.
Tensor scatter_to_maxima(const Tensor& grad, const Tensor& index, const Shape& x_shape, const MaxGrid& grid);
Tensor gather_from_maxima(const Tensor& x, const Tensor& index, const MaxGrid& grid);

Strides pooled_strides(const Shape& shape, const Tensor& like) {
  const bool channels_last = !like.is_contiguous() && like.is_contiguous(MemoryFormat::channels_last);
  return strides_of(shape, channels_last ? MemoryFormat::channels_last : MemoryFormat::contiguous);
}

struct MaxPool final : Function {
  int dims;
  SpatialInts kernel;
  MaxPoolOptions options;
  MaxGrid grid;
  MaxPool(int d, const SpatialInts& k, const MaxPoolOptions& o) : dims(d), kernel(k), options(o) {}
  static constexpr OpInfo op[] = {{"max_pool1d", "x"}, {"max_pool2d", "x"}, {"max_pool3d", "x"}};
  const OpInfo& info() const override { return op[dims - 1]; }
  std::string attributes() const override { return window_text(kernel, options.stride); }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    ops::check_images(x, dims);
    grid = make_grid(dims, kernel, options.stride, options.padding, options.dilation);
    const Shape y = ops::image_shape(x.size(0), x.size(1), pooled_sizes(ops::spatial_sizes(x.shape(), dims), grid, options.ceil_mode), dims);
    const Strides strides = pooled_strides(y, x);
    const std::int64_t taps = grid[0].kernel * grid[1].kernel * grid[2].kernel;
    Spec spec;
    spec.outputs.emplace_back(y, x.dtype(), strides);
    spec.outputs.emplace_back(y, taps <= 256 ? u8 : i32, strides);
    spec.outputs[1].hidden = true;
    spec.save_outputs = 2;
    spec.overwrites_grad = 1;
    spec.flops = static_cast<double>(y.numel()) * static_cast<double>(taps);
    spec.backward_flops = static_cast<double>(y.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::max_pool(l.in(0), l.out(0), l.out(1), grid);
      default: kernels::not_on(l.device(), info().name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::max_pool_scatter(b.grad_out(0), b.out(1), b.grad(0).view, grid);
      default: kernels::not_on(b.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {scatter_to_maxima(c.grad(0), c.out(1), c.in_shape(0), grid)}; }
};

struct ScatterToMaxima final : Function {
  Shape x_shape;
  MaxGrid grid;
  ScatterToMaxima(const Shape& s, const MaxGrid& g) : x_shape(s), grid(g) {}
  static constexpr OpInfo op{"max_pool_scatter", "grad, index"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec;
    spec.outputs.emplace_back(x_shape, in[0].dtype(), pooled_strides(x_shape, in[0]));
    spec.save_inputs = 2;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::max_pool_scatter(l.in(0), l.in(1), l.out(0), grid);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {gather_from_maxima(c.grad(0), c.in(1), grid)}; }
};

struct GatherFromMaxima final : Function {
  MaxGrid grid;
  explicit GatherFromMaxima(const MaxGrid& g) : grid(g) {}
  static constexpr OpInfo op{"max_pool_gather", "x, index"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec;
    spec.outputs.emplace_back(in[1].shape(), in[0].dtype(), strides_like(in[1]));
    spec.save_inputs = 2;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::max_pool_gather(l.in(0), l.in(1), l.out(0), grid);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {scatter_to_maxima(c.grad(0), c.in(1), c.in_shape(0), grid)}; }
};

Tensor scatter_to_maxima(const Tensor& grad, const Tensor& index, const Shape& x_shape, const MaxGrid& grid) {
  return apply(ScatterToMaxima(x_shape, grid), {&grad, &index}, {});
}
Tensor gather_from_maxima(const Tensor& x, const Tensor& index, const MaxGrid& grid) { return apply(GatherFromMaxima(grid), {&x, &index}, {}); }

/// The windows of a mean along depth, height, width.
struct MeanWindows {
  std::vector<MeanWindow> of[3];

  MeanGrid grid() const { return {of[0].data(), of[1].data(), of[2].data()}; }
  Spatial counts() const {
    return {static_cast<std::int64_t>(of[0].size()), static_cast<std::int64_t>(of[1].size()), static_cast<std::int64_t>(of[2].size())};
  }
};

std::vector<MeanWindow> mean_windows(std::int64_t size, const MaxWindows& window, std::int64_t count, bool count_include_pad) {
  std::vector<MeanWindow> windows;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t begin = i * window.stride - window.padding, end = std::min(begin + window.kernel, size + window.padding);
    MeanWindow m{std::max<std::int64_t>(begin, 0), std::min(end, size), 1};
    m.length = std::max<std::int64_t>(1, count_include_pad ? end - begin : m.end - m.begin);
    windows.push_back(m);
  }
  return windows;
}

std::vector<MeanWindow> covering_windows(std::int64_t size, std::int64_t count) {
  std::vector<MeanWindow> windows;
  for (std::int64_t i = 0; i < count; ++i) {
    MeanWindow m{i * size / count, ((i + 1) * size + count - 1) / count, 1};
    m.length = std::max<std::int64_t>(1, m.end - m.begin);
    windows.push_back(m);
  }
  return windows;
}

/// The gradient of a mean in its image: linear, with the mean itself as its gradient.
Tensor spread_means(const Tensor& grad, const Shape& x_shape, const MeanWindows& windows);

/// The mean over given windows, as pooling and as the gradient of spread_means.
struct MeanPool : Function {
  MeanWindows windows;
  static constexpr OpInfo op{"mean_pool", "x"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return planned(in[0]); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::mean_pool(l.in(0), l.out(0), windows.grid());
      default: kernels::not_on(l.device(), info().name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::mean_pool_spread(b.grad_out(0), b.grad(0).view, windows.grid());
      default: kernels::not_on(b.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {spread_means(c.grad(0), c.in_shape(0), windows)}; }

 protected:
  Spec planned(const Tensor& x) const {
    const Shape y = ops::image_shape(x.size(0), x.size(1), windows.counts(), x.ndim() - 2);
    Spec spec;
    spec.outputs.emplace_back(y, x.dtype(), pooled_strides(y, x));
    spec.overwrites_grad = 1;
    spec.flops = spec.backward_flops = static_cast<double>(std::max(x.numel(), y.numel()));
    return spec;
  }
};

struct AvgPool final : MeanPool {
  int dims;
  SpatialInts kernel;
  AvgPoolOptions options;
  AvgPool(int d, const SpatialInts& k, const AvgPoolOptions& o) : dims(d), kernel(k), options(o) {}
  static constexpr OpInfo op[] = {{"avg_pool1d", "x"}, {"avg_pool2d", "x"}, {"avg_pool3d", "x"}};
  const OpInfo& info() const override { return op[dims - 1]; }
  std::string attributes() const override { return window_text(kernel, options.stride); }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    ops::check_images(x, dims);
    const MaxGrid grid = make_grid(dims, kernel, options.stride, options.padding, 1);
    const Spatial sizes = ops::spatial_sizes(x.shape(), dims), pooled = pooled_sizes(sizes, grid, options.ceil_mode);
    for (std::size_t d = 0; d < 3; ++d) windows.of[d] = mean_windows(sizes[d], grid[d], pooled[d], options.count_include_pad);
    return planned(x);
  }
};

struct AdaptiveAvgPool final : MeanPool {
  int dims;
  SpatialInts output;
  AdaptiveAvgPool(int d, const SpatialInts& o) : dims(d), output(o) {}
  static constexpr OpInfo op[] = {{"adaptive_avg_pool1d", "x"}, {"adaptive_avg_pool2d", "x"}, {"adaptive_avg_pool3d", "x"}};
  const OpInfo& info() const override { return op[dims - 1]; }
  std::string attributes() const override { return "output=" + output.to_string(); }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    ops::check_images(x, dims);
    const Spatial counts = ops::spatial_option("output", output, dims, 1, 1), sizes = ops::spatial_sizes(x.shape(), dims);
    const std::int64_t smallest = *std::min_element(sizes.begin(), sizes.end());
    TASUKI_CHECK(ShapeError, smallest >= 1, "x ", x.shape(), " has no pixels to take the mean of");
    for (std::size_t d = 0; d < 3; ++d) windows.of[d] = covering_windows(sizes[d], counts[d]);
    return planned(x);
  }
};

struct SpreadMeans final : Function {
  Shape x_shape;
  MeanWindows windows;
  SpreadMeans(const Shape& s, const MeanWindows& w) : x_shape(s), windows(w) {}
  static constexpr OpInfo op{"mean_pool_spread", "grad"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec;
    spec.outputs.emplace_back(x_shape, in[0].dtype(), pooled_strides(x_shape, in[0]));
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::mean_pool_spread(l.in(0), l.out(0), windows.grid());
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    MeanPool mean;
    mean.windows = windows;
    return {apply(std::move(mean), {&c.grad(0)}, {})};
  }
};

Tensor spread_means(const Tensor& grad, const Shape& x_shape, const MeanWindows& windows) {
  return apply(SpreadMeans(x_shape, windows), {&grad}, {});
}

}  // namespace

Tensor max_pool1d(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options, SourceLocation at) {
  return apply(MaxPool(1, kernel, options), {&x}, at);
}
Tensor max_pool2d(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options, SourceLocation at) {
  return apply(MaxPool(2, kernel, options), {&x}, at);
}
Tensor max_pool3d(const Tensor& x, SpatialInts kernel, const MaxPoolOptions& options, SourceLocation at) {
  return apply(MaxPool(3, kernel, options), {&x}, at);
}

Tensor avg_pool1d(const Tensor& x, SpatialInts kernel, const AvgPoolOptions& options, SourceLocation at) {
  return apply(AvgPool(1, kernel, options), {&x}, at);
}
Tensor avg_pool2d(const Tensor& x, SpatialInts kernel, const AvgPoolOptions& options, SourceLocation at) {
  return apply(AvgPool(2, kernel, options), {&x}, at);
}
Tensor avg_pool3d(const Tensor& x, SpatialInts kernel, const AvgPoolOptions& options, SourceLocation at) {
  return apply(AvgPool(3, kernel, options), {&x}, at);
}

Tensor adaptive_avg_pool1d(const Tensor& x, SpatialInts output, SourceLocation at) { return apply(AdaptiveAvgPool(1, output), {&x}, at); }
Tensor adaptive_avg_pool2d(const Tensor& x, SpatialInts output, SourceLocation at) { return apply(AdaptiveAvgPool(2, output), {&x}, at); }
Tensor adaptive_avg_pool3d(const Tensor& x, SpatialInts output, SourceLocation at) { return apply(AdaptiveAvgPool(3, output), {&x}, at); }

}  // namespace tasuki
