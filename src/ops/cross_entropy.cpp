#include "tasuki/ops/cross_entropy.hpp"

#include "kernels/check_indices.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/dispatch.hpp"
#include "src/autograd/launcher.hpp"
#include "src/ops/batch_share.hpp"
#include "src/ops/labelled_samples.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/core/context.hpp"
#include "tasuki/ops/softmax.hpp"

namespace tasuki {
namespace {

struct CrossEntropy final : Function {
  kernels::cpu::CrossEntropyRule rule;
  bool weighted = false;
  explicit CrossEntropy(const CrossEntropyOptions& o) {
    rule.ignore_index = o.ignore_index;
    rule.label_smoothing = o.label_smoothing;
    rule.reduced = o.reduction != Reduction::none;
    rule.mean = o.reduction == Reduction::mean;
  }

  static constexpr OpInfo op{"cross_entropy", "logits, target, weight"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override {
    return detail::concat({"ignore_index=", rule.ignore_index, ", label_smoothing=", rule.label_smoothing, ", reduction=",
                           rule.mean ? "mean" : rule.reduced ? "sum" : "none"});
  }

  Spec infer(const Operands& in) override {
    const Tensor &logits = in[0], &target = in[1];
    weighted = in[2].defined();
    rule.class_dim = ops::check_labelled_samples(in, "logits");
    TASUKI_CHECK(ValueError, rule.label_smoothing >= 0 && rule.label_smoothing <= 1, "label_smoothing is ", rule.label_smoothing);
    const DType carried = accumulate_type(logits.dtype());
    Spec spec(rule.reduced ? Shape() : target.shape(), logits.dtype());
    spec.outputs.push_back(OutputSpec::hidden_of({2, target.numel()}, carried));
    spec.outputs.push_back(OutputSpec::hidden_of({}, carried));
    spec.save_inputs = weighted ? 7 : 3;
    spec.save_outputs = 6;
    spec.flops = 6.0 * static_cast<double>(logits.numel());
    spec.backward_flops = 6.0 * static_cast<double>(logits.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        kernels::cpu::check_indices(l.in(1), l.in(0).size(rule.class_dim), "label", "target", rule.ignore_index);
        return kernels::cpu::cross_entropy(l.in(0), l.in(1), l.in(2), rule, l.out(0), l.out(1), l.out(2));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const auto [grad_logits, accumulate] = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu:
        return kernels::cpu::cross_entropy_backward(b.grad_out(0), b.in(0), b.in(1), b.in(2), b.out(1), b.out(2), rule, grad_logits, accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor logits = c.in(0), target = c.in(1), weight = weighted ? c.in(2) : Tensor();
    const Tensor a = ops::label_coefficients(rule, logits.shape(), logits.dtype(), target, weight);
    const Tensor g = rule.reduced ? c.grad(0) : c.grad(0).unsqueeze(rule.class_dim);
    return {(softmax(logits, rule.class_dim) * a.sum({rule.class_dim}, true) - a) * g, Tensor(), Tensor()};
  }
};

/// Class probabilities as targets: rarely the hot path, so it is put together from other ops.
Tensor with_probabilities(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& o, SourceLocation at) {
  try {
    ops::check_floating(logits, "logits");
    ops::check_shape(target, "target, as class probabilities,", logits.shape());
    ops::check_dtype(target, "target", logits.dtype());
    TASUKI_CHECK_OP(ShapeError, logits.ndim(), >=, 1);
    TASUKI_CHECK(ValueError, o.label_smoothing >= 0 && o.label_smoothing <= 1, "label_smoothing is ", o.label_smoothing);
    TASUKI_CHECK_OP(ValueError, o.ignore_index, ==, CrossEntropyOptions{}.ignore_index, "there is no label to ignore among class probabilities");
    const int class_dim = logits.ndim() == 1 ? 0 : 1;
    if (o.weight.defined()) ops::check_shape(o.weight, "weight", {logits.size(class_dim)});
  } catch (Error& error) {
    const Tensor* operands[] = {&logits, &target, &o.weight};
    annotate(error, CrossEntropy::op, current_module(), operands, 3, at);
    throw;
  }
  const int class_dim = logits.ndim() == 1 ? 0 : 1;
  const std::int64_t classes = logits.size(class_dim);
  Tensor wanted = target;
  if (o.label_smoothing > 0)
    wanted = wanted * Operand(1 - o.label_smoothing, at) + Operand(o.label_smoothing / static_cast<double>(classes), at);
  if (o.weight.defined()) {
    Shape along = Shape::filled(logits.ndim(), 1);
    along[class_dim] = classes;
    wanted = wanted * Operand(o.weight.reshape(along, at), at);
  }
  const Tensor losses = -(wanted * Operand(log_softmax(logits, class_dim, at), at)).sum({class_dim}, false, at);
  return ops::over_whole_batch(
      o.reduction, at, [&] { return static_cast<double>(losses.numel()); },
      [&](Reduction r) { return r == Reduction::none ? losses : r == Reduction::sum ? losses.sum(at) : losses.mean(at); });
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options, SourceLocation at) {
  if (target.defined() && is_floating(target.dtype())) return with_probabilities(logits, target, options, at);
  const Tensor weight = options.weight.defined() ? options.weight.contiguous(MemoryFormat::contiguous, at) : Tensor();
  CrossEntropyOptions o = options;
  return ops::over_whole_batch(
      options.reduction, at, [&] { return ops::labelled_weight(target, weight, options.ignore_index); },
      [&](Reduction r) {
        o.reduction = r;
        return apply(CrossEntropy(o), {&logits, &target, &weight}, at);
      });
}

}  // namespace tasuki
