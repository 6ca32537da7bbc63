#include "tasuki/ops/pointwise_loss.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/pointwise_loss.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/reduced_loss.hpp"
#include "src/ops/single_precision.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using Loss = kernels::cpu::PointwiseLoss;

/// Two forms of a loss bear one name.
constexpr const char* public_name(Loss loss, const char* name) {
  return loss == Loss::kl_div_of_logs ? "kl_div" : loss == Loss::poisson_nll_loss_of_rates ? "poisson_nll_loss" : name;
}

constexpr OpInfo loss_infos[] = {
#define TASUKI_POINTWISE_LOSS(name, ...) {public_name(Loss::name, #name), "x, target", op_any_grad_layout},
#include "kernels/pointwise_losses.inc"
#undef TASUKI_POINTWISE_LOSS
};

/// A slope in ops, for derivatives of any order.
Tensor slope_by_x(Loss loss, const Tensor& x, const Tensor& t, double p) {
  switch (loss) {
    case Loss::l1_loss: return sign(x - t);
    case Loss::huber_loss: return clamp(x - t, -p, p);
    case Loss::smooth_l1_loss: return clamp(x - t, -p, p) / p;
    case Loss::binary_cross_entropy: return (x - t) / maximum(x * (1 - x), 1e-12);
    case Loss::binary_cross_entropy_with_logits: return sigmoid(x) - t;
    case Loss::kl_div: return -t;
    case Loss::kl_div_of_logs: return -exp(t);
    case Loss::poisson_nll_loss: return exp(x) - t;
    case Loss::poisson_nll_loss_of_rates: return 1 - t / (x + p);
    case Loss::soft_margin_loss: return -t * sigmoid(-(x * t));
    case Loss::hinge_loss: return -t * lt(x * t, p).to(x.dtype());
    case Loss::hinge_embedding_loss: return gt(t, 0).to(x.dtype()) - mul(le(t, 0).to(x.dtype()), lt(x, p).to(x.dtype()));
  }
  return {};
}

Tensor slope_by_target(Loss loss, const Tensor& x, const Tensor& t, double p) {
  switch (loss) {
    case Loss::l1_loss:
    case Loss::huber_loss:
    case Loss::smooth_l1_loss: return -slope_by_x(loss, x, t, p);
    case Loss::binary_cross_entropy: return maximum(log(1 - x), -100) - maximum(log(x), -100);
    case Loss::binary_cross_entropy_with_logits:
    case Loss::poisson_nll_loss: return -x;
    case Loss::kl_div: return log(t) + 1 - x;
    case Loss::kl_div_of_logs: return exp(t) * (t - x + 1);
    case Loss::poisson_nll_loss_of_rates: return -log(x + p);
    case Loss::soft_margin_loss:
    case Loss::hinge_loss: return slope_by_x(loss, t, x, p);
    case Loss::hinge_embedding_loss: return t * 0;
  }
  return {};
}

struct Pointwise final : Function {
  Loss loss;
  double parameter;
  Pointwise(Loss l, double p) : loss(l), parameter(p) {}
  const OpInfo& info() const override { return loss_infos[static_cast<int>(loss)]; }

  Spec infer(const Operands& in) override {
    const Tensor &x = in[0], &target = in[1];
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ShapeError, x.shape(), ==, target.shape(), info().name, " does not broadcast");
    ops::check_dtype(target, "target", x.dtype());
    Spec spec = Spec::like(x);
    if (in.recording()) spec.save_inputs = 0b11;
    spec.flops = spec.backward_flops = 4.0 * static_cast<double>(x.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::pointwise_loss(loss, parameter, l.in(0), l.in(1), l.out(0));
      default: kernels::not_on(l.device(), info().name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    for (std::size_t i = 0; i < 2; ++i) {
      if (!b.needs(i)) continue;
      const auto [grad, accumulate] = b.grad(i);
      switch (b.device().kind()) {
        case DeviceKind::cpu: kernels::cpu::pointwise_loss_backward(loss, parameter, i == 1, b.grad_out(0), b.in(0), b.in(1), grad, accumulate); break;
        default: kernels::not_on(b.device(), info().name);
      }
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor x = c.in(0), t = c.in(1);
    TensorList grads(2);
    if (c.needs(0)) grads[0] = c.grad(0) * slope_by_x(loss, x, t, parameter);
    if (c.needs(1)) grads[1] = c.grad(0) * slope_by_target(loss, x, t, parameter);
    return grads;
  }
};

Tensor elementwise(Loss loss, const Tensor& x, const Tensor& target, double parameter, At at) { return apply(Pointwise(loss, parameter), {&x, &target}, at); }
Tensor weighted(const Tensor& losses, const Tensor& weight, At at) { return weight.defined() ? losses.mul({weight, at}) : losses; }

/// Throws ValueError, as the op, unless a parameter is in its range.
void check_parameter(Loss loss, const Tensor& x, const Tensor& target, bool holds, const char* range, double value, At at) {
  ops::composed(loss_infos[static_cast<int>(loss)], {&x, &target}, at, [&] {
    if (!holds) TASUKI_THROW(ValueError, "expected  ", range, "\nactual    ", value);
  });
}

}  // namespace

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction, At at) {
  return ops::reduced(elementwise(Loss::l1_loss, x, target, 0, at), reduction, at);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1LossOptions& o, At at) {
  check_parameter(Loss::smooth_l1_loss, x, target, o.beta >= 0, "beta >= 0", o.beta, at);
  return ops::reduced(elementwise(o.beta == 0 ? Loss::l1_loss : Loss::smooth_l1_loss, x, target, o.beta, at), o.reduction, at);
}

Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberLossOptions& o, At at) {
  check_parameter(Loss::huber_loss, x, target, o.delta > 0, "delta > 0", o.delta, at);
  return ops::reduced(elementwise(Loss::huber_loss, x, target, o.delta, at), o.reduction, at);
}

Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const BinaryCrossEntropyOptions& o, At at) {
  return ops::reduced(weighted(elementwise(Loss::binary_cross_entropy, x, target, 0, at), o.weight, at), o.reduction, at);
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const BinaryCrossEntropyWithLogitsOptions& o, At at) {
  Tensor losses = elementwise(Loss::binary_cross_entropy_with_logits, x, target, 0, at);
  // The part of target is -target ln sigmoid(x), of which pos_weight wants so many times more.
  if (o.pos_weight.defined()) losses = losses - target.mul({o.pos_weight, at}).sub({target, at}).mul({logsigmoid(x, at), at});
  return ops::reduced(weighted(losses, o.weight, at), o.reduction, at);
}

Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& o, At at) {
  const Tensor losses = elementwise(o.log_target ? Loss::kl_div_of_logs : Loss::kl_div, x, target, 0, at);
  if (o.batch_mean) return sum(losses, at).div({x.ndim() ? x.size(0) : 1, at});
  return ops::reduced(losses, o.reduction, at);
}

Tensor poisson_nll_loss(const Tensor& x, const Tensor& target, const PoissonNllLossOptions& o, At at) {
  return ops::reduced(elementwise(o.log_input ? Loss::poisson_nll_loss : Loss::poisson_nll_loss_of_rates, x, target, o.eps, at), o.reduction, at);
}

Tensor soft_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction, At at) {
  return ops::reduced(elementwise(Loss::soft_margin_loss, x, target, 0, at), reduction, at);
}
Tensor hinge_loss(const Tensor& x, const Tensor& target, Reduction reduction, At at) {
  return ops::reduced(elementwise(Loss::hinge_loss, x, target, 1, at), reduction, at);
}
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target, const MarginOptions& o, At at) {
  return ops::reduced(elementwise(Loss::hinge_embedding_loss, x, target, o.margin, at), o.reduction, at);
}

Tensor sigmoid_focal_loss(const Tensor& x, const Tensor& target, const FocalLossOptions& o, At at) {
  static constexpr OpInfo info{"sigmoid_focal_loss", "x, target"};
  return ops::composed(info, {&x, &target}, at, [&] {
    ops::check_floating(x, "x");
    ops::check_dtype(target, "target", x.dtype());
    ops::check_shape(target, "target", x.shape());
    if (ops::is_half(x)) return sigmoid_focal_loss(ops::widened(x, at), ops::widened(target, at), o, at).to(x.dtype(), at);
    const Tensor losses = elementwise(Loss::binary_cross_entropy_with_logits, x, target, 0, at);
    const Tensor p = sigmoid(x, at), miss = p + target - p * target * 2;  // 1 - p_t
    Tensor focal = losses.mul({miss.pow({o.gamma, at}), at});
    if (o.alpha >= 0) focal = focal * (target * (2 * o.alpha - 1) + (1 - o.alpha));
    return ops::reduced(focal, o.reduction, at);
  });
}

Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& var, const GaussianNllLossOptions& o, At at) {
  static constexpr OpInfo info{"gaussian_nll_loss", "x, target, var"};
  return ops::composed(info, {&x, &target, &var}, at, [&] {
    ops::check_floating(x, "x");
    ops::check_dtype(target, "target", x.dtype());
    ops::check_dtype(var, "var", x.dtype());
    ops::check_shape(target, "target", x.shape());
    if (!(o.eps > 0)) TASUKI_THROW(ValueError, "expected  eps > 0\nactual    ", o.eps);
    Shape each = x.shape();
    if (each.ndim()) each[each.ndim() - 1] = 1;
    const bool without_last = x.ndim() == var.ndim() + 1;
    const Tensor variances = without_last ? var.unsqueeze(-1, at) : var;
    if (variances.shape() != x.shape()) ops::check_shape(variances, "var", each);
    const Tensor v = clamp_min(variances, o.eps, at);
    const Tensor losses = (v.log(at) + (x - target).square(at) / v) * 0.5;
    constexpr double half_log_two_pi = 0.91893853320467274178;
    return ops::reduced(o.full ? losses + half_log_two_pi : losses, o.reduction, at);
  });
}

}  // namespace tasuki
