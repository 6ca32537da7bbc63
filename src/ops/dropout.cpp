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
  bool drawn = false;
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
    return Spec::like(in[0]);
  }
  void forward(Launch& l) override { mask(l.device(), l.in(0), l.out(0), false); }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override { mask(b.device(), b.grad_out(0), b.grad(0).view, b.grad(0).accumulate); }
  TensorList backward_graph(const GradContext& c) override { return {apply(Dropout(p, state), {&c.grad(0)})}; }

  void mask(Device device, const View& x, const View& y, bool accumulate) const {
    switch (device.kind()) {
      case DeviceKind::cpu: return kernels::cpu::dropout(x, y, p, state, accumulate);
      default: kernels::not_on(device, op.name);
    }
  }
};

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, SourceLocation at) {
  if ((!training && p >= 0 && p <= 1) || p == 0) return x;
  return apply(Dropout(p), {&x}, at);
}

Tensor detail::drawn_dropout(const Tensor& x, double p, PhiloxState state) { return apply(Dropout(p, state), {&x}, {}); }

}  // namespace tasuki
