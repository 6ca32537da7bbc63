#include "tasuki/ops/nll_loss.hpp"

#include "kernels/check_indices.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/nll_loss.hpp"
#include "src/ops/batch_share.hpp"
#include "src/ops/labelled_samples.hpp"

namespace tasuki {
namespace {

struct NllLoss final : Function {
  kernels::cpu::CrossEntropyRule rule;
  bool weighted = false;
  Shape shape;
  DType dtype = f32;
  explicit NllLoss(const NllLossOptions& o) {
    rule.ignore_index = o.ignore_index;
    rule.reduced = o.reduction != Reduction::none;
    rule.mean = o.reduction == Reduction::mean;
  }

  static constexpr OpInfo op{"nll_loss", "log_probabilities, target, weight"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override {
    return detail::concat({"ignore_index=", rule.ignore_index, ", reduction=", rule.mean ? "mean" : rule.reduced ? "sum" : "none"});
  }

  Spec infer(const Operands& in) override {
    rule.class_dim = ops::check_labelled_samples(in, "log_probabilities");
    weighted = in[2].defined();
    shape = in[0].shape();
    dtype = in[0].dtype();
    Spec spec(rule.reduced ? Shape() : in[1].shape(), dtype);
    spec.outputs.push_back(OutputSpec::hidden_of({}, accumulate_type(dtype)));
    spec.save_inputs = weighted ? 6 : 2;
    spec.save_outputs = 2;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        kernels::cpu::check_indices(l.in(1), shape[rule.class_dim], "label", "target", rule.ignore_index);
        return kernels::cpu::nll_loss(l.in(0), l.in(1), l.in(2), rule, l.out(0), l.out(1));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const auto [grad_x, accumulate] = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu:
        return kernels::cpu::nll_loss_backward(b.grad_out(0), b.in(1), b.in(2), b.out(1), rule, grad_x, accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor target = c.in(1), weight = weighted ? c.in(2) : Tensor();
    const Tensor g = rule.reduced ? c.grad(0) : c.grad(0).unsqueeze(rule.class_dim);
    return {-(ops::label_coefficients(rule, c.in_shape(0), dtype, target, weight) * g), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllLossOptions& options, SourceLocation at) {
  const Tensor weight = options.weight.defined() ? options.weight.contiguous(MemoryFormat::contiguous, at) : Tensor();
  NllLossOptions o = options;
  return ops::over_whole_batch(
      options.reduction, at, [&] { return ops::labelled_weight(target, weight, options.ignore_index); },
      [&](Reduction r) {
        o.reduction = r;
        return apply(NllLoss(o), {&log_probabilities, &target, &weight}, at);
      });
}

}  // namespace tasuki
