#include "tasuki/ops/group_norm.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/layer_norm.hpp"
#include "src/ops/norm_backward.hpp"
#include "src/ops/row_norm.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki {
namespace {

struct GroupNorm final : Function {
  enum Operand { x_, weight_, bias_ };
  std::int64_t groups;
  double eps;
  bool per_channel, weighted = false;
  kernels::cpu::RowLayout row;
  GroupNorm(std::int64_t g, double e, bool instance) : groups(g), eps(e), per_channel(instance) {}

  static constexpr OpInfo group{"group_norm", "x, weight, bias"}, instance{"instance_norm", "x, weight, bias"};
  const OpInfo& info() const override { return per_channel ? instance : group; }
  std::string attributes() const override {
    return per_channel ? detail::concat({"eps=", eps}) : detail::concat({"groups=", groups, ", eps=", eps});
  }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[x_];
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 2, "x is [N, C] or [N, C, ...]");
    const std::int64_t channels = x.size(1);
    if (per_channel) groups = channels;
    else TASUKI_CHECK_OP(ValueError, groups, >=, 1);
    if (!per_channel && channels % groups != 0)
      TASUKI_THROW(ShapeError, "expected  channels that divide into ", groups, " groups\nactual    ", channels);
    ops::check_affine(in, {channels});
    std::int64_t pixels = 1;
    for (int d = 2; d < x.ndim(); ++d) pixels *= x.size(d);
    const std::int64_t values = groups ? channels / groups * pixels : 0;
    TASUKI_CHECK_OP(ValueError, values, !=, 1, "the variance of a single value is undefined: take fewer groups or larger images");
    row = {.size = values, .run = pixels, .groups = groups};
    if (pixels == 0) row.run = 1, row.size = groups ? channels / groups : 0;  // no rows; weight and bias keep their sizes
    weighted = in[weight_].defined();

    const Shape rows = x.numel() ? Shape{x.size(0), groups} : Shape{0};
    return ops::row_norm_spec(in, rows, row);
  }

  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        return kernels::cpu::layer_norm({.x = l.in(x_), .weight = l.in(weight_), .bias = l.in(bias_), .y = l.out(0), .mean = l.out(1),
                                         .inv_std = l.out(2), .row = row, .eps = eps, .workspace = l.workspace()});
      default: kernels::not_on(l.device(), info().name);
    }
  }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::layer_norm_backward({ops::norm_backward(b, x_, weight_, bias_), row});
      default: kernels::not_on(b.device(), info().name);
    }
  }

  TensorList backward_graph(const GradContext& c) override {
    const DType dtype = c.in_dtype(x_), carried = accumulate_type(dtype);
    const Shape& shape = c.in_shape(x_);
    const std::int64_t batch = shape[0], channels = shape[1], in_group = groups ? channels / groups : 0, pixels = in_group ? row.size / in_group : 0;
    const Shape grouped{batch, groups, in_group, pixels}, along{groups, in_group, 1};
    TensorList grads(3);
    if (shape.numel() == 0) {
      const Tensor nothing = c.grad(0);
      if (c.needs(x_)) grads[x_] = nothing;
      if (c.needs(weight_)) grads[weight_] = nothing.reshape({0, channels}).sum({0}).to(c.in_dtype(weight_));
      if (c.needs(bias_)) grads[bias_] = nothing.reshape({0, channels}).sum({0}).to(c.in_dtype(bias_));
      return grads;
    }
    const Tensor x = c.in(x_).to(carried).reshape(grouped), g = c.grad(0).to(carried).reshape(grouped);
    const Dims within{2, 3}, others{0, 3};
    const Tensor centered = x - x.mean(within, true);
    const Tensor inv_std = (centered.square().mean(within, true) + eps).rsqrt();
    const Tensor normal = centered * inv_std;
    if (c.needs(x_)) {
      const Tensor scaled = weighted ? g * c.in(weight_).to(carried).reshape(along) : g;
      grads[x_] = (inv_std * (scaled - scaled.mean(within, true) - normal * (scaled * normal).mean(within, true))).reshape(shape).to(dtype);
    }
    if (c.needs(weight_)) grads[weight_] = (g * normal).sum(others).reshape({channels}).to(c.in_dtype(weight_));
    if (c.needs(bias_)) grads[bias_] = g.sum(others).reshape({channels}).to(c.in_dtype(bias_));
    return grads;
  }
};

Tensor normalized(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias, double eps, bool per_channel, SourceLocation at) {
  const Tensor rows = ops::row_major(x, at), w = ops::row_major(weight, at), b = ops::row_major(bias, at);
  return apply(GroupNorm(groups, eps, per_channel), {&rows, &w, &b}, at);
}

}  // namespace

Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias, double eps, SourceLocation at) {
  return normalized(x, groups, weight, bias, eps, false, at);
}

Tensor instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps, SourceLocation at) {
  return normalized(x, 0, weight, bias, eps, true, at);
}

}  // namespace tasuki
