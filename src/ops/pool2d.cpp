#include "tasuki/ops/pool2d.hpp"

#include <algorithm>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/pool2d.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

using kernels::cpu::MaxWindows;
using kernels::cpu::MeanWindow;

/// The map that carries y's values back to x's places, and its transpose, are linear; each is the gradient of the other.
Tensor scatter_to_maxima(const Tensor& grad, const Tensor& index, const Shape& x_shape, const MaxWindows& h, const MaxWindows& w);
Tensor gather_from_maxima(const Tensor& x, const Tensor& index, const MaxWindows& h, const MaxWindows& w);

Strides image_strides(const Shape& shape, const Tensor& like) {
  const bool channels_last = !like.is_contiguous() && like.is_contiguous(MemoryFormat::channels_last);
  return strides_of(shape, channels_last ? MemoryFormat::channels_last : MemoryFormat::contiguous);
}

/// Larger windows and strides mean nothing, and products of them would overflow.
constexpr std::int64_t largest_option = std::int64_t{1} << 30;

IntPair settled(IntPair stride, IntPair kernel) { return stride == stride_of_kernel ? kernel : stride; }

void check_image(const Tensor& x) {
  TASUKI_CHECK(DTypeError, is_floating(x.dtype()), "x is ", x.dtype(), "; cast it with .to(ts::f32)");
  TASUKI_CHECK_OP(ShapeError, x.ndim(), ==, 4, "x is [N, C, H, W]; x.unsqueeze(0) makes a batch of one image");
}

void check_windows(IntPair kernel, IntPair stride, IntPair padding) {
  TASUKI_CHECK(ValueError, std::min(kernel.h, kernel.w) >= 1, "kernel is ", kernel.to_string());
  TASUKI_CHECK(ValueError, std::min(stride.h, stride.w) >= 1, "stride is ", stride.to_string());
  TASUKI_CHECK(ValueError, std::min(padding.h, padding.w) >= 0, "padding is ", padding.to_string());
  TASUKI_CHECK_OP(ValueError, std::max({kernel.h, kernel.w, stride.h, stride.w}), <=, largest_option);
  TASUKI_CHECK(ValueError, 2 * padding.h <= kernel.h && 2 * padding.w <= kernel.w, "padding ", padding.to_string(), " is more than half of the kernel ",
               kernel.to_string());
}

std::int64_t pooled_size(std::int64_t size, const MaxWindows& window, bool ceil_mode) {
  const std::int64_t span = window.dilation * (window.kernel - 1) + 1, padded = size + 2 * window.padding;
  TASUKI_CHECK(ShapeError, padded >= span, "a window covers ", span, " pixels, the padded image has ", padded);
  std::int64_t count = (padded - span + (ceil_mode ? window.stride - 1 : 0)) / window.stride + 1;
  if (ceil_mode && (count - 1) * window.stride >= size + window.padding) --count;
  return count;
}

struct MaxPool2d final : Function {
  IntPair kernel;
  MaxPool2dOptions options;
  MaxWindows h, w;
  MaxPool2d(IntPair k, const MaxPool2dOptions& o) : kernel(k), options(o) {}
  static constexpr OpInfo op{"max_pool2d", "x"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "kernel=" + kernel.to_string() + ", stride=" + settled(options.stride, kernel).to_string(); }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    const IntPair stride = settled(options.stride, kernel), &padding = options.padding, &dilation = options.dilation;
    check_image(x);
    check_windows(kernel, stride, padding);
    TASUKI_CHECK(ValueError, std::min(dilation.h, dilation.w) >= 1, "dilation is ", dilation.to_string());
    h = {kernel.h, stride.h, padding.h, dilation.h};
    w = {kernel.w, stride.w, padding.w, dilation.w};
    const Shape y{x.size(0), x.size(1), pooled_size(x.size(2), h, options.ceil_mode), pooled_size(x.size(3), w, options.ceil_mode)};
    const Strides strides = image_strides(y, x);
    Spec spec;
    spec.outputs.emplace_back(y, x.dtype(), strides);
    spec.outputs.emplace_back(y, kernel.h * kernel.w <= 256 ? u8 : i32, strides);
    spec.outputs[1].hidden = true;
    spec.save_outputs = 2;
    spec.overwrites_grad = 1;
    spec.flops = static_cast<double>(y.numel()) * static_cast<double>(kernel.h * kernel.w);
    spec.backward_flops = static_cast<double>(y.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::max_pool2d(l.in(0), l.out(0), l.out(1), h, w);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::max_pool2d_scatter(b.grad_out(0), b.out(1), b.grad(0).view, h, w);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {scatter_to_maxima(c.grad(0), c.out(1), c.in_shape(0), h, w)}; }
};

struct ScatterToMaxima final : Function {
  Shape x_shape;
  MaxWindows h, w;
  ScatterToMaxima(const Shape& s, const MaxWindows& hs, const MaxWindows& ws) : x_shape(s), h(hs), w(ws) {}
  static constexpr OpInfo op{"max_pool2d_scatter", "grad, index"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec;
    spec.outputs.emplace_back(x_shape, in[0].dtype(), image_strides(x_shape, in[0]));
    spec.save_inputs = 2;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::max_pool2d_scatter(l.in(0), l.in(1), l.out(0), h, w);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {gather_from_maxima(c.grad(0), c.in(1), h, w)}; }
};

struct GatherFromMaxima final : Function {
  MaxWindows h, w;
  GatherFromMaxima(const MaxWindows& hs, const MaxWindows& ws) : h(hs), w(ws) {}
  static constexpr OpInfo op{"max_pool2d_gather", "x, index"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec;
    spec.outputs.emplace_back(in[1].shape(), in[0].dtype(), strides_like(in[1]));
    spec.save_inputs = 2;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::max_pool2d_gather(l.in(0), l.in(1), l.out(0), h, w);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {scatter_to_maxima(c.grad(0), c.in(1), c.in_shape(0), h, w)}; }
};

Tensor scatter_to_maxima(const Tensor& grad, const Tensor& index, const Shape& x_shape, const MaxWindows& h, const MaxWindows& w) {
  return apply(ScatterToMaxima(x_shape, h, w), {&grad, &index}, {});
}
Tensor gather_from_maxima(const Tensor& x, const Tensor& index, const MaxWindows& h, const MaxWindows& w) {
  return apply(GatherFromMaxima(h, w), {&x, &index}, {});
}

/// The windows of a mean in both dimensions.
struct MeanWindows {
  std::vector<MeanWindow> h, w;
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
  static constexpr OpInfo op{"mean_pool2d", "x"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return planned(in[0]); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::mean_pool2d(l.in(0), l.out(0), windows.h.data(), windows.w.data());
      default: kernels::not_on(l.device(), info().name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::mean_pool2d_spread(b.grad_out(0), b.grad(0).view, windows.h.data(), windows.w.data());
      default: kernels::not_on(b.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {spread_means(c.grad(0), c.in_shape(0), windows)}; }

 protected:
  Spec planned(const Tensor& x) const {
    const Shape y{x.size(0), x.size(1), static_cast<std::int64_t>(windows.h.size()), static_cast<std::int64_t>(windows.w.size())};
    Spec spec;
    spec.outputs.emplace_back(y, x.dtype(), image_strides(y, x));
    spec.overwrites_grad = 1;
    spec.flops = spec.backward_flops = static_cast<double>(std::max(x.numel(), y.numel()));
    return spec;
  }
};

struct AvgPool2d final : MeanPool {
  IntPair kernel;
  AvgPool2dOptions options;
  AvgPool2d(IntPair k, const AvgPool2dOptions& o) : kernel(k), options(o) {}
  static constexpr OpInfo op{"avg_pool2d", "x"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "kernel=" + kernel.to_string() + ", stride=" + settled(options.stride, kernel).to_string(); }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    const IntPair stride = settled(options.stride, kernel);
    check_image(x);
    check_windows(kernel, stride, options.padding);
    const MaxWindows h{kernel.h, stride.h, options.padding.h, 1}, w{kernel.w, stride.w, options.padding.w, 1};
    windows = {mean_windows(x.size(2), h, pooled_size(x.size(2), h, options.ceil_mode), options.count_include_pad),
               mean_windows(x.size(3), w, pooled_size(x.size(3), w, options.ceil_mode), options.count_include_pad)};
    return planned(x);
  }
};

struct AdaptiveAvgPool2d final : MeanPool {
  IntPair output;
  explicit AdaptiveAvgPool2d(IntPair o) : output(o) {}
  static constexpr OpInfo op{"adaptive_avg_pool2d", "x"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "output=" + output.to_string(); }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    check_image(x);
    TASUKI_CHECK(ValueError, std::min(output.h, output.w) >= 1, "output is ", output.to_string());
    TASUKI_CHECK(ShapeError, std::min(x.size(2), x.size(3)) >= 1, "the images have no pixels to take the mean of");
    windows = {covering_windows(x.size(2), output.h), covering_windows(x.size(3), output.w)};
    return planned(x);
  }
};

struct SpreadMeans final : Function {
  Shape x_shape;
  MeanWindows windows;
  SpreadMeans(const Shape& s, const MeanWindows& w) : x_shape(s), windows(w) {}
  static constexpr OpInfo op{"mean_pool2d_spread", "grad"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec;
    spec.outputs.emplace_back(x_shape, in[0].dtype(), image_strides(x_shape, in[0]));
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::mean_pool2d_spread(l.in(0), l.out(0), windows.h.data(), windows.w.data());
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

Tensor max_pool2d(const Tensor& x, IntPair kernel, const MaxPool2dOptions& options, SourceLocation at) {
  return apply(MaxPool2d(kernel, options), {&x}, at);
}

Tensor avg_pool2d(const Tensor& x, IntPair kernel, const AvgPool2dOptions& options, SourceLocation at) {
  return apply(AvgPool2d(kernel, options), {&x}, at);
}

Tensor adaptive_avg_pool2d(const Tensor& x, IntPair output, SourceLocation at) { return apply(AdaptiveAvgPool2d(output), {&x}, at); }

}  // namespace tasuki
