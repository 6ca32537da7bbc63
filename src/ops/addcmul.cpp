#include "tasuki/ops/addcmul.hpp"

#include "kernels/addcmul.hpp"
#include "kernels/binary.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/single_precision.hpp"
#include "src/ops/two_operands.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

struct AddProduct final : Function {
  double value;
  bool quotient, same_shapes = true;
  AddProduct(double v, bool q) : value(v), quotient(q) {}
  static constexpr OpInfo product_op{"addcmul", "x, a, b", op_any_grad_layout}, quotient_op{"addcdiv", "x, a, b", op_any_grad_layout};
  const OpInfo& info() const override { return quotient ? quotient_op : product_op; }
  std::string attributes() const override { return detail::concat({"value=", value}); }

  Spec infer(const Operands& in) override {
    ops::check_floating(in[0], "x");
    detail::check_same_dtype(in[0], in[1]);
    detail::check_same_dtype(in[0], in[2]);
    const Shape shape = broadcast_shapes(broadcast_shapes(in[0].shape(), in[1].shape()), in[2].shape());
    for (std::size_t i = 0; i < in.size(); ++i) same_shapes &= in[i].shape() == shape;
    Spec spec = shape == in[0].shape() ? Spec::like(in[0]) : Spec(shape, in[0].dtype());
    if (in.needs_grad(1)) spec.save_inputs |= 4;
    if (in.needs_grad(2)) spec.save_inputs |= quotient ? 6 : 2;
    spec.flops = 3 * static_cast<double>(shape.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return (quotient ? kernels::cpu::add_quotient : kernels::cpu::add_product)(l.in(0), l.in(1), l.in(2), value, l.out(0));
      default: kernels::not_on(l.device(), info().name);
    }
  }

  bool has_fused_backward() const override { return same_shapes; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: break;
      default: kernels::not_on(b.device(), info().name);
    }
    using namespace kernels::cpu;
    const View& g = b.grad_out(0);
    if (b.needs(0)) binary_backward(BinaryOp::add, 0, g, View{}, View{}, View{}, b.grad(0).view, b.grad(0).accumulate);
    if (b.needs(1)) (quotient ? add_quotient_backward_a : add_product_backward)(g, b.in(2), value, b.grad(1).view, b.grad(1).accumulate);
    if (!b.needs(2)) return;
    if (quotient) add_quotient_backward_b(g, b.in(1), b.in(2), value, b.grad(2).view, b.grad(2).accumulate);
    else add_product_backward(g, b.in(1), value, b.grad(2).view, b.grad(2).accumulate);
  }

  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(3);
    const auto finished = [&](const Tensor& gradient, std::size_t i) { return sum_to(gradient.to(c.in_dtype(i), At()), c.in_shape(i), At()); };
    if (c.needs(0)) grads[0] = sum_to(c.grad(0), c.in_shape(0), At());
    if (value == 1 && !quotient) {  // one rounding each as they are
      if (c.needs(1)) grads[1] = finished(c.grad(0) * c.in(2), 1);
      if (c.needs(2)) grads[2] = finished(c.grad(0) * c.in(1), 2);
      return grads;
    }
    const Tensor g = ops::widened(c.grad(0), At()) * value;
    const auto in = [&](std::size_t i) { return ops::widened(c.in(i), At()); };
    if (c.needs(1)) grads[1] = finished(quotient ? g / in(2) : g * in(2), 1);
    if (c.needs(2)) grads[2] = finished(quotient ? -(g * in(1)) / (in(2) * in(2)) : g * in(1), 2);
    return grads;
  }
};

struct Lerp final : Function {
  double number;  ///< the weight, unless a third operand is it
  explicit Lerp(double n) : number(n) {}
  static constexpr OpInfo op{"lerp", "a, b, weight", op_any_grad_layout};
  const OpInfo& info() const override { return op; }

  Spec infer(const Operands& in) override {
    ops::check_floating(in[0], "a");
    Shape shape = in[0].shape();
    for (std::size_t i = 1; i < in.size(); ++i) {
      detail::check_same_dtype(in[0], in[i]);
      shape = broadcast_shapes(shape, in[i].shape());
    }
    Spec spec = shape == in[0].shape() ? Spec::like(in[0]) : Spec(shape, in[0].dtype());
    if (in.size() == 3) {
      if (in.needs_grad(0) || in.needs_grad(1)) spec.save_inputs |= 4;
      if (in.needs_grad(2)) spec.save_inputs |= 3;
    }
    spec.flops = 3 * static_cast<double>(shape.numel());
    return spec;
  }
  void forward(Launch& l) override {
    const kernels::cpu::ScalarView weight(number, kernels::cpu::compute_dtype(l.out(0).dtype));
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::lerp(l.in(0), l.in(1), l.input_count() == 3 ? l.in(2) : weight.view(), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const bool by_number = c.input_count() == 2;
    TensorList grads(c.input_count());
    const auto in = [&](std::size_t i) { return ops::widened(c.in(i), At()); };
    const auto finished = [&](const Tensor& gradient, std::size_t i) { return sum_to(gradient.to(c.in_dtype(i), At()), c.in_shape(i), At()); };
    if (by_number) {
      if (c.needs(0)) grads[0] = finished(c.grad(0) * (1 - number), 0);
      if (c.needs(1)) grads[1] = finished(c.grad(0) * number, 1);
      return grads;
    }
    const Tensor g = ops::widened(c.grad(0), At());
    if (c.needs(0)) grads[0] = finished(g * (1 - in(2)), 0);
    if (c.needs(1)) grads[1] = finished(g * in(2), 1);
    if (c.needs(2)) grads[2] = finished(g * (in(1) - in(0)), 2);
    return grads;
  }
};

}  // namespace

Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, double value, At at) { return apply(AddProduct(value, false), {&x, &a, &b}, at); }
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, double value, At at) { return apply(AddProduct(value, true), {&x, &a, &b}, at); }
Tensor lerp(const Tensor& a, const Tensor& b, Operand weight) {
  if (const Tensor* w = weight.tensor()) return apply(Lerp(0), {&a, &b, w}, weight.at());
  return apply(Lerp(weight.scalar()), {&a, &b}, weight.at());
}

}  // namespace tasuki
