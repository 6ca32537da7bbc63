#include "tasuki/ops/mse_loss.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/mse_loss.hpp"
#include "src/ops/batch_share.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki {
namespace {

struct MseLoss final : Function {
  Reduction reduction;
  double factor = 1;
  explicit MseLoss(Reduction r) : reduction(r) {}

  static constexpr OpInfo op{"mse_loss", "x, target"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return std::string("reduction=") + name_of(reduction); }

  Spec infer(const Operands& in) override {
    const Tensor &x = in[0], &target = in[1];
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ShapeError, x.shape(), ==, target.shape(), "mse_loss does not broadcast");
    ops::check_dtype(target, "target", x.dtype());
    if (reduction == Reduction::mean) factor = 1 / static_cast<double>(x.numel());
    Spec spec = reduction == Reduction::none ? Spec::like(x) : Spec(Shape(), x.dtype());
    spec.save_inputs = 3;
    spec.flops = spec.backward_flops = 3.0 * static_cast<double>(x.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::mse_loss(l.in(0), l.in(1), factor, reduction != Reduction::none, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    for (std::size_t i = 0; i < 2; ++i) {
      if (!b.needs(i)) continue;
      const auto [grad, accumulate] = b.grad(i);
      switch (b.device().kind()) {
        case DeviceKind::cpu:
          kernels::cpu::mse_loss_backward(b.grad_out(0), b.in(0), b.in(1), i == 0 ? factor : -factor, reduction != Reduction::none, grad, accumulate);
          break;
        default: kernels::not_on(b.device(), op.name);
      }
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor grad_x = (c.in(0) - c.in(1)) * (c.grad(0) * (2 * factor));
    return {c.needs(0) ? grad_x : Tensor(), c.needs(1) ? -grad_x : Tensor()};
  }
};

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction, SourceLocation at) {
  return ops::over_whole_batch(
      reduction, at, [&] { return static_cast<double>(x.defined() ? x.numel() : 0); },
      [&](Reduction r) { return apply(MseLoss(r), {&x, &target}, at); });
}

}  // namespace tasuki
