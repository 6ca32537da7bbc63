#include "tasuki/ops/conv2d.hpp"

#include <algorithm>
#include <utility>

#include "kernels/dispatch.hpp"
#include "kernels/reduce.hpp"
#include "src/cpu/conv2d.hpp"
#include "src/cpu/scratch.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

using cpu::ConvPass;
using cpu::ConvShape;

// A convolution is linear in its image and in its weight, so its gradients are convolutions of two more kinds, and the gradients
// of those are among the three again. That gives every order of derivative.
Tensor conv2d_input_grad(const Tensor& grad, const Tensor& weight, const Shape& x_shape, const Conv2dOptions& options, SourceLocation at);
Tensor conv2d_weight_grad(const Tensor& x, const Tensor& grad, const Shape& weight_shape, const Conv2dOptions& options, SourceLocation at);

/// Few channels lie row-major: a vector of pixels fills where a vector of channels would be mostly empty.
constexpr std::int64_t few_channels = 4;
/// Larger strides, paddings and dilations mean nothing, and products of them would overflow.
constexpr std::int64_t largest_option = std::int64_t{1} << 30;

Strides image_strides(const Shape& shape, const Tensor& like) {
  const bool channels_last = like.size(1) > few_channels && !like.is_contiguous() && like.is_contiguous(MemoryFormat::channels_last);
  return strides_of(shape, channels_last ? MemoryFormat::channels_last : MemoryFormat::contiguous);
}

Tensor dense(const Tensor& x, SourceLocation at) {
  if (!x.defined() || is_dense(x.shape(), x.strides())) return x;
  return x.contiguous(MemoryFormat::contiguous, at);
}

struct Convolution : Function {
  Conv2dOptions options;
  ConvShape shape;
  cpu::PlanPtr<cpu::ConvPlan> plan;
  explicit Convolution(const Conv2dOptions& o) : options(o) {}

  std::string attributes() const override {
    return "stride=" + options.stride.to_string() + ", padding=" + options.padding.to_string() + ", dilation=" + options.dilation.to_string() +
           ", groups=" + std::to_string(options.groups);
  }

 protected:
  void set_shape(DType dtype, const Shape& x, const Shape& weight, const Shape& y) {
    shape.dtype = dtype;
    shape.n = x[0], shape.c = x[1], shape.h = x[2], shape.w = x[3];
    shape.o = weight[0], shape.kh = weight[2], shape.kw = weight[3];
    shape.oh = y[2], shape.ow = y[3];
    shape.stride_h = options.stride.h, shape.stride_w = options.stride.w;
    shape.padding_h = options.padding.h, shape.padding_w = options.padding.w;
    shape.dilation_h = options.dilation.h, shape.dilation_w = options.dilation.w;
    shape.groups = options.groups;
  }
  Spec planned(ConvPass pass, const OutputSpec& output, Device device) {
    Spec spec;
    spec.outputs.push_back(output);
    spec.flops = spec.backward_flops = shape.flops();
    if (device.runs_cpu_kernels()) {
      plan = cpu::conv2d_plan(pass, shape);
      spec.workspace = plan->workspace_bytes();
    }
    return spec;
  }
  void run(Launch& l, const cpu::ConvBuffers& buffers) const {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return plan->run(buffers, l.workspace());
      default: kernels::not_on(l.device(), info().name);
    }
  }
};

struct Conv2d final : Convolution {
  std::size_t backward_bytes = 0;
  using Convolution::Convolution;
  static constexpr OpInfo op{"conv2d", "x, weight, bias"};
  const OpInfo& info() const override { return op; }

  Spec infer(const Operands& in) override {
    const Tensor &x = in[0], &weight = in[1], &bias = in[2];
    check(x, weight, bias);
    const std::int64_t oh = output_size(x.size(2), weight.size(2), options.padding.h, options.dilation.h, options.stride.h);
    const std::int64_t ow = output_size(x.size(3), weight.size(3), options.padding.w, options.dilation.w, options.stride.w);
    const Shape y{x.size(0), weight.size(0), oh, ow};
    set_shape(x.dtype(), x.shape(), weight.shape(), y);
    shape.has_bias = bias.defined();
    shape.x_strides = x.strides();
    shape.weight_strides = weight.strides();
    shape.y_strides = image_strides(y, x);
    Spec spec = planned(ConvPass::forward, OutputSpec(y, x.dtype(), shape.y_strides), x.device());
    spec.overwrites_grad = 7;
    if (in.needs_grad(0)) spec.save_inputs |= 2;
    if (in.needs_grad(1)) spec.save_inputs |= 1;
    spec.backward_flops = (in.needs_grad(0) + in.needs_grad(1)) * shape.flops();
    if (x.device().runs_cpu_kernels()) plan_backward(in);
    spec.backward_workspace = backward_bytes;
    return spec;
  }

  void forward(Launch& l) override { run(l, {l.in(0).data, l.in(1).data, l.in(2).data, l.out(0).data}); }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    if (b.device().kind() != DeviceKind::cpu) kernels::not_on(b.device(), op.name);
    void* const grad = b.grad_out(0).data;
    if (b.needs(0)) {
      const auto pass = backward_plan(ConvPass::input_grad, Strides(b.grad(0).view.strides, 4), false);
      run_backward(*pass, {b.grad(0).view.data, b.in(1).data, nullptr, grad}, b.workspace());
    }
    if (b.needs(1)) {
      const auto pass = backward_plan(ConvPass::weight_grad, Strides(b.grad(1).view.strides, 4), b.needs(2));
      run_backward(*pass, {b.in(0).data, b.grad(1).view.data, b.grad(2).view.data, grad}, b.workspace());
    } else if (b.needs(2)) {
      kernels::cpu::sum(b.grad_out(0), b.grad(2).view, 0b1101, 1);
    }
  }

  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(3);
    if (c.needs(0)) grads[0] = conv2d_input_grad(c.grad(0), c.in(1), c.in_shape(0), options, {});
    if (c.needs(1)) grads[1] = conv2d_weight_grad(c.in(0), c.grad(0), c.in_shape(1), options, {});
    if (c.needs(2)) grads[2] = sum(c.grad(0), {0, 2, 3});
    return grads;
  }

 private:
  void check(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const auto& [stride, padding, dilation, groups] = options;
    TASUKI_CHECK(DTypeError, is_floating(x.dtype()), "x is ", x.dtype(), "; cast it with .to(ts::f32)");
    TASUKI_CHECK_OP(DTypeError, x.dtype(), ==, weight.dtype(), "cast one of them with .to(dtype)");
    TASUKI_CHECK_OP(ShapeError, x.ndim(), ==, 4, "x is [N, C, H, W]; x.unsqueeze(0) makes a batch of one image");
    TASUKI_CHECK_OP(ShapeError, weight.ndim(), ==, 4, "weight is [out channels, in channels / groups, height, width]");
    TASUKI_CHECK(ValueError, std::min(stride.h, stride.w) >= 1, "stride is ", stride.to_string());
    TASUKI_CHECK(ValueError, std::min(padding.h, padding.w) >= 0, "padding is ", padding.to_string());
    TASUKI_CHECK(ValueError, std::min(dilation.h, dilation.w) >= 1, "dilation is ", dilation.to_string());
    TASUKI_CHECK_OP(ValueError, std::max({stride.h, stride.w, padding.h, padding.w, dilation.h, dilation.w}), <=, largest_option);
    TASUKI_CHECK_OP(ValueError, groups, >=, 1);
    TASUKI_CHECK_OP(ShapeError, weight.size(0) % groups, ==, 0, "groups = ", groups, " must divide the ", weight.size(0), " output channels");
    TASUKI_CHECK_OP(ShapeError, x.size(1), ==, weight.size(1) * groups, "input channels");
    TASUKI_CHECK_OP(ShapeError, weight.size(2), >=, 1, "the kernel has no rows");
    TASUKI_CHECK_OP(ShapeError, weight.size(3), >=, 1, "the kernel has no columns");
    TASUKI_CHECK_OP(ShapeError, x.size(2) + 2 * padding.h, >=, dilation.h * (weight.size(2) - 1) + 1, "the kernel is higher than the padded image");
    TASUKI_CHECK_OP(ShapeError, x.size(3) + 2 * padding.w, >=, dilation.w * (weight.size(3) - 1) + 1, "the kernel is wider than the padded image");
    if (bias.defined()) {
      TASUKI_CHECK_OP(DTypeError, bias.dtype(), ==, x.dtype(), "cast one of them with .to(dtype)");
      TASUKI_CHECK_OP(ShapeError, bias.shape(), ==, Shape{weight.size(0)});
    }
  }
  static std::int64_t output_size(std::int64_t size, std::int64_t kernel, std::int64_t padding, std::int64_t dilation, std::int64_t stride) {
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  }
  void plan_backward(const Operands& in) {
    if (in.needs_grad(0)) backward_bytes = backward_plan(ConvPass::input_grad, shape.x_strides, false)->workspace_bytes();
    if (in.needs_grad(1))
      backward_bytes = std::max(backward_bytes, backward_plan(ConvPass::weight_grad, shape.weight_strides, in.needs_grad(2))->workspace_bytes());
  }
  cpu::PlanPtr<cpu::ConvPlan> backward_plan(ConvPass pass, const Strides& result_strides, bool has_bias) const {
    ConvShape s = shape;
    s.has_bias = has_bias;
    (pass == ConvPass::input_grad ? s.x_strides : s.weight_strides) = result_strides;
    return cpu::conv2d_plan(pass, s);
  }
  void run_backward(const cpu::ConvPlan& pass, const cpu::ConvBuffers& buffers, void* workspace) const {
    const cpu::Scratch scratch(workspace, backward_bytes, pass.workspace_bytes());
    pass.run(buffers, scratch.data());
  }
};

/// The gradient of conv2d in its image; by itself, a transposed convolution.
struct Conv2dInputGrad final : Convolution {
  Shape x_shape;
  Conv2dInputGrad(const Conv2dOptions& o, const Shape& x) : Convolution(o), x_shape(x) {}
  static constexpr OpInfo op{"conv2d_input_grad", "grad, weight"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    const Tensor &grad = in[0], &weight = in[1];
    set_shape(grad.dtype(), x_shape, weight.shape(), grad.shape());
    shape.x_strides = image_strides(x_shape, grad);
    shape.weight_strides = weight.strides();
    shape.y_strides = grad.strides();
    Spec spec = planned(ConvPass::input_grad, OutputSpec(x_shape, grad.dtype(), shape.x_strides), grad.device());
    if (in.needs_grad(0)) spec.save_inputs |= 2;
    if (in.needs_grad(1)) spec.save_inputs |= 1;
    return spec;
  }
  void forward(Launch& l) override { run(l, {l.out(0).data, l.in(1).data, nullptr, l.in(0).data}); }
  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(2);
    if (c.needs(0)) grads[0] = conv2d(c.grad(0), c.in(1), {}, options);
    if (c.needs(1)) grads[1] = conv2d_weight_grad(c.grad(0), c.in(0), c.in_shape(1), options, {});
    return grads;
  }
};

/// The gradient of conv2d in its weight.
struct Conv2dWeightGrad final : Convolution {
  Shape weight_shape;
  Conv2dWeightGrad(const Conv2dOptions& o, const Shape& weight) : Convolution(o), weight_shape(weight) {}
  static constexpr OpInfo op{"conv2d_weight_grad", "x, grad"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    const Tensor &x = in[0], &grad = in[1];
    set_shape(x.dtype(), x.shape(), weight_shape, grad.shape());
    shape.x_strides = x.strides();
    shape.weight_strides = contiguous_strides(weight_shape);
    shape.y_strides = grad.strides();
    Spec spec = planned(ConvPass::weight_grad, OutputSpec(weight_shape, x.dtype()), x.device());
    if (in.needs_grad(0)) spec.save_inputs |= 2;
    if (in.needs_grad(1)) spec.save_inputs |= 1;
    return spec;
  }
  void forward(Launch& l) override { run(l, {l.in(0).data, l.out(0).data, nullptr, l.in(1).data}); }
  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(2);
    if (c.needs(0)) grads[0] = conv2d_input_grad(c.in(1), c.grad(0), c.in_shape(0), options, {});
    if (c.needs(1)) grads[1] = conv2d(c.in(0), c.grad(0), {}, options);
    return grads;
  }
};

Tensor conv2d_input_grad(const Tensor& grad, const Tensor& weight, const Shape& x_shape, const Conv2dOptions& options, SourceLocation at) {
  const Tensor g = dense(grad, at), w = dense(weight, at);
  return apply(Conv2dInputGrad(options, x_shape), {&g, &w}, at);
}

Tensor conv2d_weight_grad(const Tensor& x, const Tensor& grad, const Shape& weight_shape, const Conv2dOptions& options, SourceLocation at) {
  const Tensor image = dense(x, at), g = dense(grad, at);
  return apply(Conv2dWeightGrad(options, weight_shape), {&image, &g}, at);
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options, SourceLocation at) {
  const Tensor image = dense(x, at), taps = dense(weight, at);
  const Tensor offset = bias.defined() && !bias.is_contiguous() ? bias.contiguous(MemoryFormat::contiguous, at) : bias;
  return apply(Conv2d(options), {&image, &taps, &offset}, at);
}

}  // namespace tasuki
