#include "tasuki/ops/ctc_loss.hpp"

#include "kernels/ctc_loss.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/reduced_loss.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"

namespace tasuki {
namespace {

using kernels::cpu::CtcTargets;

struct CtcLoss final : Function {
  std::int64_t blank;
  bool zero_infinity;
  CtcLoss(std::int64_t b, bool z) : blank(b), zero_infinity(z) {}
  static constexpr OpInfo op{"ctc_loss", "log_probs, targets, input_lengths, target_lengths", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "blank=" + std::to_string(blank); }

  Spec infer(const Operands& in) override {
    const Tensor &log_probs = in[0], &targets = in[1];
    ops::check_floating(log_probs, "log_probs");
    TASUKI_CHECK_OP(ShapeError, log_probs.ndim(), ==, 3, "[steps, n, classes]");
    const std::int64_t n = log_probs.size(1);
    if (blank < 0 || blank >= log_probs.size(2)) TASUKI_THROW(ValueError, "expected  0 <= blank < ", log_probs.size(2), "\nactual    ", blank);
    ops::check_index_dtype(targets, "targets");
    if (targets.ndim() != 1 && (targets.ndim() != 2 || targets.size(0) != n))
      TASUKI_THROW(ShapeError, "expected  targets of shape [", n, ", most], or of one dimension\nactual    ", targets.shape());
    for (const std::size_t i : {std::size_t{2}, std::size_t{3}}) {
      const char* name = i == 2 ? "input_lengths" : "target_lengths";
      ops::check_index_dtype(in[i], name);
      ops::check_shape(in[i], name, Shape{n});
    }
    Spec spec(Shape{n}, log_probs.dtype());
    const std::int64_t most = targets.size(-1);  // of labels that lie one after the other a bound
    spec.outputs.push_back(OutputSpec::hidden_of({n, log_probs.size(0), 2 * most + 1}, f64));
    if (in.recording()) {
      spec.save_inputs = 0b1111;
      spec.save_outputs = 0b10;
    }
    spec.flops = spec.backward_flops = 10.0 * static_cast<double>(n * log_probs.size(0) * (2 * most + 1));
    return spec;
  }
  void forward(Launch& l) override {
    const CtcTargets targets{l.in(1), l.in(2), l.in(3), blank};
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        kernels::cpu::check_ctc(targets, l.in(0));
        return kernels::cpu::ctc_loss(targets, l.in(0), zero_infinity, l.out(0), l.out(1));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const CtcTargets targets{b.in(1), b.in(2), b.in(3), blank};
    const auto [grad, accumulate] = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::ctc_loss_backward(targets, b.grad_out(0), b.in(0), zero_infinity, b.out(1), grad, accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
};

}  // namespace

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths, const CtcLossOptions& options,
                SourceLocation at) {
  const Tensor steps = ops::row_major(input_lengths, at), lengths = ops::row_major(target_lengths, at);
  Tensor losses = apply(CtcLoss(options.blank, options.zero_infinity), {&log_probs, &targets, &steps, &lengths}, at);
  if (options.reduction == Reduction::mean) losses = losses.div({maximum(lengths.to(losses.dtype(), at), {1, at}), at});
  return ops::reduced(losses, options.reduction, at);
}

}  // namespace tasuki
