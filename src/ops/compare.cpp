#include "tasuki/ops/compare.hpp"

#include "kernels/binary.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/scalar_operand.hpp"
#include "tasuki/ops/reduce.hpp"

namespace tasuki {

namespace {

using At = SourceLocation;
using kernels::cpu::CompareOp;
using kernels::cpu::ScalarView;

constexpr OpInfo comparisons[] = {{"eq", "a, b", op_not_differentiable}, {"ne", "a, b", op_not_differentiable}, {"lt", "a, b", op_not_differentiable},
                                  {"le", "a, b", op_not_differentiable}, {"gt", "a, b", op_not_differentiable}, {"ge", "a, b", op_not_differentiable}};

struct Compare final : Function {
  Right right;
  CompareOp op;
  Compare(CompareOp o, const Operand& b) : right(b), op(o) {}
  const OpInfo& info() const override { return comparisons[static_cast<int>(op)]; }
  Spec infer(const Operands& in) override {
    right.check(in);
    if (right.is_number || in[1].shape() == in[0].shape()) return Spec::like(in[0], bool_);
    return Spec(broadcast_shapes(in[0].shape(), in[1].shape()), bool_);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        if (!right.is_number) return kernels::cpu::compare(op, l.in(0), l.in(1), l.out(0));
        return kernels::cpu::compare(op, l.in(0), ScalarView(right.number, l.in(0).dtype).view(), l.out(0));
      default: kernels::not_on(l.device(), info().name);
    }
  }
};

struct Where final : Function {
  static constexpr OpInfo op{"where", "condition, a, b", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    const Tensor &condition = in[0], &a = in[1], &b = in[2];
    TASUKI_CHECK_OP(DTypeError, condition.dtype(), ==, bool_, "make it with a comparison, or cast: .to(ts::bool_)");
    TASUKI_CHECK_OP(DTypeError, a.dtype(), ==, b.dtype(), "cast one of them");
    const Shape shape = broadcast_shapes(broadcast_shapes(condition.shape(), a.shape()), b.shape());
    Spec spec = shape == a.shape() ? Spec::like(a) : Spec(shape, a.dtype());
    spec.save_inputs = 1;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::where(l.in(0), l.in(1), l.in(2), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(3);
    const Tensor condition = c.in(0), &g = c.grad(0);
    const Tensor zero = zero_beside(g);
    if (c.needs(1)) grads[1] = sum_to(where(condition, g, zero, At()), c.in_shape(1));
    if (c.needs(2)) grads[2] = sum_to(where(condition, zero, g, At()), c.in_shape(2));
    return grads;
  }
};

}  // namespace

#define TASUKI_COMPARISON(name)                                                                                      \
  Tensor name(const Tensor& a, Operand b) { return apply_with(Compare(CompareOp::name, b), a, b); }                  \
  Tensor Tensor::name(Operand o) const { return tasuki::name(*this, o); }
TASUKI_COMPARISON(eq)
TASUKI_COMPARISON(ne)
TASUKI_COMPARISON(lt)
TASUKI_COMPARISON(le)
TASUKI_COMPARISON(gt)
TASUKI_COMPARISON(ge)
#undef TASUKI_COMPARISON

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b, At at) { return apply(Where(), {&condition, &a, &b}, at); }

}  // namespace tasuki
