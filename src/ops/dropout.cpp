#include "tasuki/ops/dropout.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/dropout.hpp"
#include "src/ops/drawn_dropout.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/global_count.hpp"

namespace tasuki {
namespace {

struct Dropout final : Function {
  double p;
  bool drawn = false, keeps_bits = false;
  PhiloxState state{};
  explicit Dropout(double probability) : p(probability) {}
  /// The mask of an earlier launch.
  Dropout(double probability, PhiloxState s) : p(probability), drawn(true), state(s) {}

  static constexpr OpInfo op{"dropout", "x", op_random};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return detail::concat({"p=", p, ", seed=", state.seed, ", offset=", state.offset}); }

  Spec infer(const Operands& in) override {
    ops::check_floating(in[0], "x");
    TASUKI_CHECK(ValueError, p >= 0 && p <= 1, "p is ", p);
    if (!drawn) state = detail::reserve_mask(static_cast<std::uint64_t>(in[0].numel()));
    drawn = true;
    Spec spec = Spec::like(in[0]);
    // A bit for each element, which backward reads faster than it draws. Other layouts draw again.
    keeps_bits = in.recording() && in[0].is_contiguous();
    if (keeps_bits) {
      spec.outputs.push_back(OutputSpec::hidden_of({kernels::cpu::dropout_bit_bytes(in[0].numel())}, u8));
      spec.save_outputs = 2;
    }
    return spec;
  }
  void forward(Launch& l) override {
    std::uint8_t* kept = keeps_bits ? l.out(1).as<std::uint8_t>() : nullptr;
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::dropout(l.in(0), l.out(0), p, state, false, kept);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const View &g = b.grad_out(0), &to = b.grad(0).view;
    const bool by_bits = keeps_bits && g.contiguous && to.contiguous;
    switch (b.device().kind()) {
      case DeviceKind::cpu:
        if (by_bits) return kernels::cpu::dropout_by_bits(g, b.out(1).as<const std::uint8_t>(), to, p, b.grad(0).accumulate);
        return kernels::cpu::dropout(g, to, p, state, b.grad(0).accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {apply(Dropout(p, state), {&c.grad(0)})}; }
};

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, SourceLocation at) {
  if ((!training && p >= 0 && p <= 1) || p == 0) return x;
  return apply(Dropout(p), {&x}, at);
}

Tensor detail::drawn_dropout(const Tensor& x, double p, PhiloxState state) { return apply(Dropout(p, state), {&x}, {}); }

}  // namespace tasuki
