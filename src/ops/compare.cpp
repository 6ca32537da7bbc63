#include "tasuki/ops/compare.hpp"

#include <limits>

#include "kernels/compare.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/two_operands.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

using At = SourceLocation;
using kernels::cpu::CompareOp;
using kernels::cpu::ScalarView;

constexpr OpInfo comparisons[] = {{"eq", "a, b", op_not_differentiable}, {"ne", "a, b", op_not_differentiable}, {"lt", "a, b", op_not_differentiable},
                                  {"le", "a, b", op_not_differentiable}, {"gt", "a, b", op_not_differentiable}, {"ge", "a, b", op_not_differentiable},
                                  {"logical_and", "a, b", op_not_differentiable}, {"logical_or", "a, b", op_not_differentiable},
                                  {"logical_xor", "a, b", op_not_differentiable}};

struct Compare final : Function {
  double number;
  bool with_number;
  CompareOp op;
  Compare(CompareOp o, const Operand& b) : number(b.scalar()), with_number(!b.tensor()), op(o) {}
  const OpInfo& info() const override { return comparisons[static_cast<int>(op)]; }
  Spec infer(const Operands& in) override {
    if (with_number) {
      detail::check_scalar(in[0].dtype(), number);
      return Spec::like(in[0], bool_);
    }
    detail::check_same_dtype(in[0], in[1]);
    return detail::broadcast_spec(in[0], in[1], bool_);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        if (!with_number) return kernels::cpu::compare(op, l.in(0), l.in(1), l.out(0));
        return kernels::cpu::compare(op, l.in(0), ScalarView(number, kernels::cpu::compute_dtype(l.in(0).dtype)).view(), l.out(0));
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
    detail::check_same_dtype(a, b);
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
    const Tensor zero = detail::zero_beside(g);
    if (c.needs(1)) grads[1] = sum_to(where(condition, g, zero, At()), c.in_shape(1));
    if (c.needs(2)) grads[2] = sum_to(where(condition, zero, g, At()), c.in_shape(2));
    return grads;
  }
};

/// where() with a number that is a field, not an operand: a replay has it without bytes.
struct MaskedFill final : Function {
  double value;
  explicit MaskedFill(double v) : value(v) {}
  static constexpr OpInfo op{"masked_fill", "x, mask", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return detail::concat({"value=", value}); }
  Spec infer(const Operands& in) override {
    const Tensor &x = in[0], &mask = in[1];
    TASUKI_CHECK_OP(DTypeError, mask.dtype(), ==, bool_, "make it with a comparison, or cast: .to(ts::bool_)");
    detail::check_scalar(x.dtype(), value);
    const Shape shape = broadcast_shapes(x.shape(), mask.shape());
    Spec spec = shape == x.shape() ? Spec::like(x) : Spec(shape, x.dtype());
    spec.save_inputs = 2;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::where(l.in(1), ScalarView(value, l.in(0).dtype).view(), l.in(0), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor mask = c.in(1);
    return {sum_to(masked_fill(c.grad(0), mask, 0, At()), c.in_shape(0)), {}};
  }
};

constexpr OpInfo logical_not_info{"logical_not", "x"}, isnan_info{"isnan", "x"}, isinf_info{"isinf", "x"}, isfinite_info{"isfinite", "x"};

}  // namespace

#define TASUKI_COMPARISON(name)                                                                                      \
  Tensor name(const Tensor& a, Operand b) { return detail::apply_with(Compare(CompareOp::name, b), a, b); }                  \
  Tensor Tensor::name(Operand o) const { return tasuki::name(*this, o); }
TASUKI_COMPARISON(eq)
TASUKI_COMPARISON(ne)
TASUKI_COMPARISON(lt)
TASUKI_COMPARISON(le)
TASUKI_COMPARISON(gt)
TASUKI_COMPARISON(ge)
#undef TASUKI_COMPARISON

#define TASUKI_LOGICAL(name) \
  Tensor name(const Tensor& a, Operand b) { return detail::apply_with(Compare(CompareOp::name, b), a, b); }
TASUKI_LOGICAL(logical_and)
TASUKI_LOGICAL(logical_or)
TASUKI_LOGICAL(logical_xor)
#undef TASUKI_LOGICAL
Tensor logical_not(const Tensor& x, At at) {
  return ops::composed(logical_not_info, {&x}, at, [&] { return eq(x, Operand(0, at)); });
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b, At at) { return apply(Where(), {&condition, &a, &b}, at); }

Tensor isnan(const Tensor& x, At at) {
  return ops::composed(isnan_info, {&x}, at, [&] { return ne(x, Operand(x, at)); });
}
Tensor isinf(const Tensor& x, At at) {
  return ops::composed(isinf_info, {&x}, at, [&] {
    if (!is_floating(x.dtype())) return isnan(x, at);
    return eq(abs(x.detach(), at), Operand(std::numeric_limits<double>::infinity(), at));
  });
}
Tensor isfinite(const Tensor& x, At at) {
  return ops::composed(isfinite_info, {&x}, at, [&] {
    if (!is_floating(x.dtype())) return eq(x, Operand(x, at));
    return lt(abs(x.detach(), at), Operand(std::numeric_limits<double>::infinity(), at));
  });
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value, At at) { return apply(MaskedFill(value), {&x, &mask}, at); }

}  // namespace tasuki
