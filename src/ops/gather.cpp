#include "tasuki/ops/gather.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/gather.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

/// The adjoint of gather: source's elements added into zeros of a given shape.
struct GatherBackward final : Function {
  int dim;
  Shape shape;
  GatherBackward(int d, const Shape& s) : dim(d), shape(s) {}
  static constexpr OpInfo op{"scatter_add", "source, index", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "dim=" + std::to_string(dim); }
  Spec infer(const Operands& in) override {
    Spec spec(shape, in[0].dtype());
    if (in.recording()) spec.save_inputs = 0b10;
    spec.flops = static_cast<double>(in[0].numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::scatter_add(l.in(0), dim, l.in(1), l.out(0), false);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {gather(c.grad(0), dim, c.in(1), SourceLocation()), Tensor()}; }
};

struct Gather final : Function {
  int dim;
  explicit Gather(int d) : dim(d) {}
  static constexpr OpInfo op{"gather", "x, index", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "dim=" + std::to_string(dim); }
  Spec infer(const Operands& in) override {
    const Tensor &x = in[0], &index = in[1];
    ops::check_index_dtype(index, "index");
    TASUKI_CHECK_OP(ShapeError, index.ndim(), ==, x.ndim());
    dim = normalize_dim(dim, x.ndim());
    for (int d = 0; d < x.ndim(); ++d)
      if (d != dim && index.size(d) > x.size(d))
        TASUKI_THROW(ShapeError, "expected  index.size(", d, ") <= x.size(", d, ")\nactual    ", index.size(d), " > ", x.size(d));
    Spec spec = Spec::like(index, x.dtype());
    if (in.recording()) spec.save_inputs = 0b10;
    spec.backward_flops = static_cast<double>(index.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::gather(l.in(0), dim, l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const GradSlot slot = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::scatter_add(b.grad_out(0), dim, b.in(1), slot.view, slot.accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor index = c.in(1);
    return {apply(GatherBackward(dim, c.in_shape(0)), {&c.grad(0), &index}, SourceLocation()), Tensor()};
  }
};

}  // namespace

Tensor gather(const Tensor& x, int dim, const Tensor& index, SourceLocation at) { return apply(Gather(dim), {&x, &index}, at); }

}  // namespace tasuki
