#include "tasuki/ops/conv.hpp"

#include <algorithm>
#include <utility>

#include "kernels/binary.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/reduce.hpp"
#include "src/cpu/conv.hpp"
#include "src/cpu/scratch.hpp"
#include "src/ops/spatial.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

using cpu::ConvOperand;
using cpu::ConvShape;
using ops::Spatial;

/// Few channels lie row-major: a vector of pixels fills where a vector of channels would be mostly empty.
constexpr std::int64_t few_channels = 4;

Strides image_strides(const Shape& shape, const Tensor& like) {
  const bool either_way = like.is_contiguous(), volumes_of_one = like.ndim() == 5 && like.size(1) == 1;
  const bool channels_last = shape[1] > few_channels && (!either_way || volumes_of_one) && like.is_contiguous(MemoryFormat::channels_last);
  return strides_of(shape, channels_last ? MemoryFormat::channels_last : MemoryFormat::contiguous);
}

Tensor dense(const Tensor& x, SourceLocation at) {
  if (!x.defined() || is_dense(x.shape(), x.strides())) return x;
  return x.contiguous(MemoryFormat::contiguous, at);
}

/// The operands of the pass that computes `result`, in the order in which its op takes them.
struct Taken {
  ConvOperand first, second;
};
constexpr Taken taken_by(ConvOperand result) {
  switch (result) {
    case ConvOperand::y: return {ConvOperand::x, ConvOperand::weight};
    case ConvOperand::x: return {ConvOperand::y, ConvOperand::weight};
    default: return {ConvOperand::x, ConvOperand::y};
  }
}

/// A convolution is linear in its image and in its weight, so its gradients are convolutions of two more kinds, and the gradients
/// of those are among the three again: of x, weight and y, each comes from the other two. That gives every order of derivative.
Tensor conv_pass(ConvOperand result, const ConvShape& shape, const Tensor& first, const Tensor& second);

/// The pass that computes `result`, its plan, and its gradients. The shape is set by infer of those who derive.
struct ConvPass : Function {
  ConvOperand result;
  ConvShape shape;
  cpu::PlanPtr<cpu::ConvPlan> plan;
  std::size_t backward_bytes = 0;
  explicit ConvPass(ConvOperand r) : result(r) {}

  void forward(Launch& l) override {
    if (l.device().kind() != DeviceKind::cpu) kernels::not_on(l.device(), info().name);
    cpu::ConvBuffers buffers;
    buffers.of(taken_by(result).first) = l.in(0).data;
    buffers.of(taken_by(result).second) = l.in(1).data;
    buffers.of(result) = l.out(0).data;
    const bool has_bias = l.input_count() > 2 && l.in(2);
    if (has_bias) buffers.bias = l.in(2).data;
    plan->run(buffers, l.workspace());
    if (has_bias && result == ConvOperand::x) add_channels(l.in(2), l.out(0));
  }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    if (b.device().kind() != DeviceKind::cpu) kernels::not_on(b.device(), info().name);
    const auto [first, second] = taken_by(result);
    const bool with_bias = bias_comes_with(second) && shape.has_bias && b.needs(1) && b.needs(2);
    if (b.needs(0)) run_backward(b, 0, first, second, false);
    if (b.needs(1)) run_backward(b, 1, second, first, with_bias);
    if (shape.has_bias && b.needs(2) && !with_bias) kernels::cpu::sum(b.grad_out(0), b.grad(2).view, all_but_channels(), 1);
  }

  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(c.input_count());
    const auto [first, second] = taken_by(result);
    if (c.needs(0)) grads[0] = gradient(c, first, second, 1);
    if (c.needs(1)) grads[1] = gradient(c, second, first, 0);
    if (c.input_count() > 2 && c.needs(2)) {
      Dims dims{0};
      for (int d = 2; d < shape.dims + 2; ++d) dims.push_back(d);
      grads[2] = sum(c.grad(0), dims);
    }
    return grads;
  }

 protected:
  /// Everything but the checks: the shape is known, save for the layouts.
  Spec planned(const Operands& in, const Strides& result_strides) {
    const auto [first, second] = taken_by(result);
    const Device device = in[0].device();
    shape.dtype = in[0].dtype();
    shape.strides_of(first) = in[0].strides();
    shape.strides_of(second) = in[1].strides();
    shape.strides_of(result) = result_strides;
    shape.has_bias = in.size() > 2 && in[2].defined();
    Spec spec;
    spec.outputs.emplace_back(shape.shape(result), shape.dtype, result_strides);
    spec.overwrites_grad = 7;
    if (in.needs_grad(0)) spec.save_inputs |= 2;
    if (in.needs_grad(1)) spec.save_inputs |= 1;
    spec.flops = shape.flops();
    spec.backward_flops = (in.needs_grad(0) + in.needs_grad(1)) * shape.flops();
    if (!device.runs_cpu_kernels()) return spec;
    plan = cpu::conv_plan(result, shape);
    spec.workspace = plan->workspace_bytes();
    if (in.needs_grad(0)) backward_bytes = backward_plan(first, in[0].strides(), false)->workspace_bytes();
    if (in.needs_grad(1)) {
      const bool with_bias = bias_comes_with(second) && shape.has_bias && in.needs_grad(2);
      backward_bytes = std::max(backward_bytes, backward_plan(second, in[1].strides(), with_bias)->workspace_bytes());
    }
    spec.backward_workspace = backward_bytes;
    return spec;
  }

 private:
  /// The pass that computes the gradient of a convolution's weight sums up that of its bias on the way.
  bool bias_comes_with(ConvOperand wanted) const { return result == ConvOperand::y && wanted == ConvOperand::weight; }
  std::uint32_t all_but_channels() const { return ((1u << (shape.dims + 2)) - 1) & ~2u; }

  /// y += bias, a number per channel.
  static void add_channels(const View& bias, const View& y) {
    const Shape ones = Shape::filled(y.ndim - 1, 1);
    Shape per_channel = ones;
    per_channel[0] = bias.numel;
    View spread = bias;
    spread.shape = per_channel.data();
    spread.strides = ones.data();
    spread.ndim = static_cast<std::uint8_t>(per_channel.ndim());
    kernels::cpu::binary(kernels::cpu::BinaryOp::add, y, spread, y);
  }

  cpu::PlanPtr<cpu::ConvPlan> backward_plan(ConvOperand wanted, const Strides& strides, bool with_bias) const {
    ConvShape s = shape;
    s.has_bias = with_bias;
    s.strides_of(wanted) = strides;
    return cpu::conv_plan(wanted, s);
  }
  /// The gradient of input i, which is `wanted`, from the result's gradient and the `other` input.
  void run_backward(Backward& b, std::size_t i, ConvOperand wanted, ConvOperand other, bool with_bias) const {
    const View& grad = b.grad(i).view;
    const auto pass = backward_plan(wanted, Strides(grad.strides, grad.ndim), with_bias);
    cpu::ConvBuffers buffers;
    buffers.of(result) = b.grad_out(0).data;
    buffers.of(other) = b.in(1 - i).data;
    buffers.of(wanted) = grad.data;
    if (with_bias) buffers.bias = b.grad(2).view.data;
    const cpu::Scratch scratch(b.workspace(), backward_bytes, pass->workspace_bytes());
    pass->run(buffers, scratch.data());
  }
  Tensor gradient(const GradContext& c, ConvOperand wanted, ConvOperand other, std::size_t other_input) const {
    const Tensor grad = c.grad(0), saved = c.in(other_input);
    const bool grad_first = taken_by(wanted).first != other;
    return grad_first ? conv_pass(wanted, shape, grad, saved) : conv_pass(wanted, shape, saved, grad);
  }
};

void check_weight(const Tensor& x, const Tensor& weight, int dims, const char* form) {
  TASUKI_CHECK_OP(DTypeError, x.dtype(), ==, weight.dtype(), "cast one of them with .to(dtype)");
  TASUKI_CHECK_OP(ShapeError, weight.ndim(), ==, dims + 2, "weight is ", form);
  for (int d = 2; d < weight.ndim(); ++d) TASUKI_CHECK(ShapeError, weight.size(d) >= 1, "the kernel ", weight.shape(), " has no taps");
}

void check_bias(const Tensor& x, const Tensor& bias, std::int64_t channels) {
  if (!bias.defined()) return;
  TASUKI_CHECK_OP(DTypeError, bias.dtype(), ==, x.dtype(), "cast one of them with .to(dtype)");
  TASUKI_CHECK_OP(ShapeError, bias.shape(), ==, Shape{channels});
}

struct Conv final : ConvPass {
  int dims;
  ConvOptions options;
  Conv(int d, const ConvOptions& o) : ConvPass(ConvOperand::y), dims(d), options(o) {}
  static constexpr OpInfo op[] = {{"conv1d", "x, weight, bias"}, {"conv2d", "x, weight, bias"}, {"conv3d", "x, weight, bias"}};
  const OpInfo& info() const override { return op[dims - 1]; }
  std::string attributes() const override {
    const std::string padding = options.padding == same_padding ? "same" : options.padding.to_string();
    return "stride=" + options.stride.to_string() + ", padding=" + padding + ", dilation=" + options.dilation.to_string() +
           ", groups=" + std::to_string(options.groups);
  }

  Spec infer(const Operands& in) override {
    constexpr const char* forms[] = {"[out channels, in channels / groups, width]", "[out channels, in channels / groups, height, width]",
                                     "[out channels, in channels / groups, depth, height, width]"};
    const Tensor &x = in[0], &weight = in[1];
    const std::int64_t groups = options.groups;
    ops::check_images(x, dims);
    check_weight(x, weight, dims, forms[dims - 1]);
    TASUKI_CHECK_OP(ValueError, groups, >=, 1);
    TASUKI_CHECK_OP(ShapeError, weight.size(0) % groups, ==, 0, "groups = ", groups, " must divide the ", weight.size(0), " output channels");
    TASUKI_CHECK_OP(ShapeError, x.size(1), ==, weight.size(1) * groups, "input channels");
    check_bias(x, in[2], weight.size(0));
    shape.dims = dims;
    shape.n = x.size(0), shape.c = x.size(1), shape.o = weight.size(0), shape.groups = groups;
    shape.x_size = ops::spatial_sizes(x.shape(), dims);
    shape.kernel = ops::spatial_sizes(weight.shape(), dims);
    shape.stride = ops::spatial_option("stride", options.stride, dims, 1, 1);
    shape.dilation = ops::spatial_option("dilation", options.dilation, dims, 1, 1);
    set_padding();
    for (std::size_t d = 0; d < 3; ++d) shape.y_size[d] = result_size(d);
    return planned(in, image_strides(shape.shape(ConvOperand::y), x));
  }

 private:
  void set_padding() {
    if (options.padding != same_padding) {
      shape.padding = shape.padding_end = ops::spatial_option("padding", options.padding, dims, 0, 0);
      return;
    }
    for (std::size_t d = 0; d < 3; ++d) {
      TASUKI_CHECK(ValueError, shape.stride[d] == 1, "same_padding keeps the size, a stride of ", options.stride.to_string(), " does not");
      const std::int64_t all = shape.dilation[d] * (shape.kernel[d] - 1);
      shape.padding[d] = all / 2;
      shape.padding_end[d] = all - all / 2;
    }
  }
  std::int64_t result_size(std::size_t d) const {
    const std::int64_t padded = shape.x_size[d] + shape.padding[d] + shape.padding_end[d], span = shape.dilation[d] * (shape.kernel[d] - 1) + 1;
    TASUKI_CHECK(ShapeError, padded >= span, "the kernel covers ", span, ", the padded x has ", padded, " in dimension ", d + static_cast<std::size_t>(dims) - 1);
    return (padded - span) / shape.stride[d] + 1;
  }
};

struct ConvTranspose final : ConvPass {
  int dims;
  ConvTransposeOptions options;
  ConvTranspose(int d, const ConvTransposeOptions& o) : ConvPass(ConvOperand::x), dims(d), options(o) {}
  static constexpr OpInfo op[] = {
      {"conv_transpose1d", "x, weight, bias"}, {"conv_transpose2d", "x, weight, bias"}, {"conv_transpose3d", "x, weight, bias"}};
  const OpInfo& info() const override { return op[dims - 1]; }
  std::string attributes() const override {
    return "stride=" + options.stride.to_string() + ", padding=" + options.padding.to_string() + ", output_padding=" + options.output_padding.to_string() +
           ", dilation=" + options.dilation.to_string() + ", groups=" + std::to_string(options.groups);
  }

  // The roles are those of the convolution whose transpose this is: what is called x here is its y.
  Spec infer(const Operands& in) override {
    constexpr const char* forms[] = {"[in channels, out channels / groups, width]", "[in channels, out channels / groups, height, width]",
                                     "[in channels, out channels / groups, depth, height, width]"};
    const Tensor &x = in[0], &weight = in[1];
    const std::int64_t groups = options.groups;
    ops::check_images(x, dims);
    check_weight(x, weight, dims, forms[dims - 1]);
    TASUKI_CHECK_OP(ValueError, groups, >=, 1);
    TASUKI_CHECK_OP(ShapeError, x.size(1), ==, weight.size(0), "input channels");
    TASUKI_CHECK_OP(ShapeError, x.size(1) % groups, ==, 0, "groups = ", groups, " must divide the ", x.size(1), " input channels");
    check_bias(x, in[2], weight.size(1) * groups);
    shape.dims = dims;
    shape.n = x.size(0), shape.o = x.size(1), shape.c = weight.size(1) * groups, shape.groups = groups;
    shape.y_size = ops::spatial_sizes(x.shape(), dims);
    shape.kernel = ops::spatial_sizes(weight.shape(), dims);
    shape.stride = ops::spatial_option("stride", options.stride, dims, 1, 1);
    shape.padding = ops::spatial_option("padding", options.padding, dims, 0, 0);
    shape.dilation = ops::spatial_option("dilation", options.dilation, dims, 1, 1);
    const Spatial more = ops::spatial_option("output_padding", options.output_padding, dims, 0, 0);
    for (std::size_t d = 0; d < 3; ++d) shape.x_size[d] = result_size(d, more[d]);
    return planned(in, image_strides(shape.shape(ConvOperand::x), x));
  }

 private:
  std::int64_t result_size(std::size_t d, std::int64_t more) {
    const std::int64_t stride = shape.stride[d], dilation = shape.dilation[d], padding = shape.padding[d], given = shape.y_size[d];
    const std::size_t dimension = d + static_cast<std::size_t>(dims) - 1;
    TASUKI_CHECK(ValueError, more < std::max(stride, dilation), "output_padding of ", more, " must be less than the stride ", stride, " or the dilation ",
                 dilation);
    TASUKI_CHECK(ShapeError, given >= 1, "x has nothing in dimension ", dimension);
    const std::int64_t size = (given - 1) * stride - 2 * padding + dilation * (shape.kernel[d] - 1) + more + 1;
    TASUKI_CHECK(ShapeError, size >= 1, "the result would have ", size, " elements in dimension ", dimension);
    // what a stride reaches beyond the last window is there anyway; more than that must not make one more window
    shape.padding_end[d] = more < stride ? padding : padding - more;
    return size;
  }
};

/// A pass by itself, without bias: what the gradients of gradients are made of.
struct ConvGradient final : ConvPass {
  ConvGradient(ConvOperand r, const ConvShape& s) : ConvPass(r) { shape = s; }
  const OpInfo& info() const override {
    static constexpr OpInfo op[] = {{"conv_input_grad", "grad, weight"}, {"conv_weight_grad", "x, grad"}, {"conv_grad_grad", "x, weight"}};
    return op[static_cast<int>(result)];
  }
  Spec infer(const Operands& in) override {
    const Shape made = shape.shape(result);
    return planned(in, result == ConvOperand::weight ? contiguous_strides(made) : image_strides(made, in[0]));
  }
};

Tensor conv_pass(ConvOperand result, const ConvShape& shape, const Tensor& first, const Tensor& second) {
  const Tensor a = dense(first, {}), b = dense(second, {});
  return apply(ConvGradient(result, shape), {&a, &b}, {});
}

template <class Op>
Tensor run(Op op, const Tensor& x, const Tensor& weight, const Tensor& bias, SourceLocation at) {
  const Tensor images = dense(x, at), taps = dense(weight, at);
  const Tensor offset = bias.defined() && !bias.is_contiguous() ? bias.contiguous(MemoryFormat::contiguous, at) : bias;
  return apply(std::move(op), {&images, &taps, &offset}, at);
}

}  // namespace

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvOptions& options, SourceLocation at) {
  return run(Conv(1, options), x, weight, bias, at);
}
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvOptions& options, SourceLocation at) {
  return run(Conv(2, options), x, weight, bias, at);
}
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvOptions& options, SourceLocation at) {
  return run(Conv(3, options), x, weight, bias, at);
}

Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvTransposeOptions& options, SourceLocation at) {
  return run(ConvTranspose(1, options), x, weight, bias, at);
}
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvTransposeOptions& options, SourceLocation at) {
  return run(ConvTranspose(2, options), x, weight, bias, at);
}
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvTransposeOptions& options, SourceLocation at) {
  return run(ConvTranspose(3, options), x, weight, bias, at);
}

}  // namespace tasuki
