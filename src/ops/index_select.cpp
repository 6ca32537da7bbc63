#include "tasuki/ops/index_select.hpp"

#include "kernels/check_indices.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/index_select.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

/// The adjoint of index_select: source's slices added into zeros of a given shape.
struct IndexSelectBackward final : Function {
  int dim;
  Shape shape;
  IndexSelectBackward(int d, const Shape& s) : dim(d), shape(s) {}
  static constexpr OpInfo op{"index_add", "source, index", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "dim=" + std::to_string(dim); }
  Spec infer(const Operands& in) override {
    Spec spec(shape, in[0].dtype());
    spec.workspace = kernels::cpu::add_slices_workspace(in[1].numel());
    if (in.recording()) spec.save_inputs = 0b10;
    spec.flops = static_cast<double>(in[0].numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::add_slices(l.in(0), dim, l.in(1), l.out(0), false, l.workspace());
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {index_select(c.grad(0), dim, c.in(1), SourceLocation()), Tensor()}; }
};

struct IndexSelect final : Function {
  int dim;
  explicit IndexSelect(int d) : dim(d) {}
  static constexpr OpInfo op{"index_select", "x, index", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "dim=" + std::to_string(dim); }
  Spec infer(const Operands& in) override {
    const Tensor &x = in[0], &index = in[1];
    ops::check_index_dtype(index, "index");
    TASUKI_CHECK_OP(ShapeError, index.ndim(), ==, 1);
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
    dim = normalize_dim(dim, x.ndim());
    Shape shape = x.shape();
    shape[dim] = index.size(0);
    Spec spec(shape, x.dtype());
    if (!x.is_contiguous() && x.is_contiguous(MemoryFormat::channels_last))
      spec.outputs[0] = OutputSpec(shape, x.dtype(), strides_of(shape, MemoryFormat::channels_last));
    if (in.recording()) {
      spec.save_inputs = 0b10;
      spec.backward_workspace = kernels::cpu::add_slices_workspace(index.numel());
      spec.backward_flops = static_cast<double>(shape.numel());
    }
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        kernels::cpu::check_indices(l.in(1), l.in(0).size(dim), "index", "index");
        return kernels::cpu::select_slices(l.in(0), dim, l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const GradSlot slot = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::add_slices(b.grad_out(0), dim, b.in(1), slot.view, slot.accumulate, b.workspace());
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor index = c.in(1);
    return {apply(IndexSelectBackward(dim, c.in_shape(0)), {&c.grad(0), &index}, SourceLocation()), Tensor()};
  }
};

}  // namespace

Tensor index_select(const Tensor& x, int dim, const Tensor& index, SourceLocation at) { return apply(IndexSelect(dim), {&x, &index}, at); }

}  // namespace tasuki
