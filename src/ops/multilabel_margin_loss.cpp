// Of ops/margin_loss.hpp: margins between a sample's labels and all other classes.
#include "kernels/dispatch.hpp"
#include "kernels/multilabel_margin.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/reduced_loss.hpp"
#include "src/ops/single_precision.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/margin_loss.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

struct Slopes final : Function {
  static constexpr OpInfo op{"multilabel_margin_slopes", "x, labels", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return Spec(in[0].shape(), in[0].dtype()); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::multilabel_margin_slopes(l.in(0), l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

/// Of rows: one loss each.
struct MultilabelMargin final : Function {
  static constexpr OpInfo op{"multilabel_margin_loss", "x, labels"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec({in[0].size(0)}, in[0].dtype());
    spec.save_inputs = 0b11;
    spec.flops = 3 * static_cast<double>(in[0].numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::multilabel_margin(l.in(0), l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor x = c.in(0), labels = c.in(1);
    return {apply(Slopes(), {&x, &labels}) * c.grad(0).unsqueeze(-1), Tensor()};
  }
};

}  // namespace

Tensor multilabel_margin_loss(const Tensor& x, const Tensor& labels, Reduction reduction, At at) {
  return ops::composed(MultilabelMargin::op, {&x, &labels}, at, [&] {
    ops::check_floating(x, "x");
    ops::check_index_dtype(labels, "labels");
    if (x.ndim() < 1 || x.ndim() > 2) TASUKI_THROW(ShapeError, "expected  scores, [classes] or [n, classes]\nactual    ", x.shape());
    ops::check_shape(labels, "labels", x.shape());
    return ops::in_single_precision(x, at, [&](const Tensor& wide) {
      const bool one = x.ndim() == 1;
      const Tensor scores = ops::row_major(one ? wide.unsqueeze(0, at) : wide, at), rows = ops::row_major(one ? labels.unsqueeze(0, at) : labels, at);
      const Tensor losses = apply(MultilabelMargin(), {&scores, &rows}, at);
      return ops::reduced(one ? losses.squeeze(0, at) : losses, reduction, at);
    });
  });
}

}  // namespace tasuki
