#include "tasuki/ops/rotary_embedding.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/rotary_embedding.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki {
namespace {

struct RotaryEmbedding final : Function {
  enum Operand { x_, cos_, sin_ };
  bool interleaved, inverse;
  RotaryEmbedding(bool neighbours, bool back) : interleaved(neighbours), inverse(back) {}

  static constexpr OpInfo op{"rotary_embedding", "x, cos, sin", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return detail::concat({"interleaved=", interleaved, ", inverse=", inverse}); }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[x_];
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 2, "x is [..., positions, features]");
    TASUKI_CHECK_OP(ShapeError, x.size(-1) % 2, ==, 0, "features are rotated in pairs");
    const Shape table{x.size(-2), x.size(-1) / 2};
    const char* names[] = {"x", "cos", "sin"};
    for (std::size_t i = 1; i < 3; ++i) {
      ops::check_shape(in[i], names[i], table);
      ops::check_dtype(in[i], names[i], accumulate_type(x.dtype()));
    }
    Spec spec = Spec::like(x);
    spec.save_inputs = 1u << cos_ | 1u << sin_;
    spec.flops = spec.backward_flops = 3.0 * static_cast<double>(x.numel());
    return spec;
  }
  void forward(Launch& l) override { rotate(l.device(), l.in(x_), l.in(cos_), l.in(sin_), l.out(0), inverse, false); }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    if (b.needs(x_)) rotate(b.device(), b.grad_out(0), b.in(cos_), b.in(sin_), b.grad(x_).view, !inverse, b.grad(x_).accumulate);
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor cos = c.in(cos_), sin = c.in(sin_);
    return {apply(RotaryEmbedding(interleaved, !inverse), {&c.grad(0), &cos, &sin}, {}), {}, {}};
  }

 private:
  void rotate(Device device, const View& x, const View& cos, const View& sin, const View& y, bool back, bool accumulate) const {
    switch (device.kind()) {
      case DeviceKind::cpu: return kernels::cpu::rotary_embedding(x, cos, sin, y, interleaved, back, accumulate);
      default: kernels::not_on(device, op.name);
    }
  }
};

}  // namespace

Tensor rotary_embedding(const Tensor& x, const Tensor& cos, const Tensor& sin, bool interleaved, SourceLocation at) {
  const Tensor along = ops::row_major(cos, at).detach(), across = ops::row_major(sin, at).detach();
  return apply(RotaryEmbedding(interleaved, false), {&x, &along, &across}, at);
}

}  // namespace tasuki
