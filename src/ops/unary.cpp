#include "tasuki/ops/unary.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/unary.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"

namespace tasuki {

namespace {

using At = SourceLocation;
using kernels::cpu::UnaryNumbers;
using kernels::cpu::UnaryOp;
using kernels::cpu::UnaryUses;

constexpr OpInfo family[] = {
#define TASUKI_UNARY_OP(name, Functor, integers) {#name, "x", op_any_grad_layout},
#include "kernels/unary_ops.inc"
#undef TASUKI_UNARY_OP
};

/// f'(x) in ops, from x or y = f(x), whichever the kernel's df uses: the tape of the second derivative.
Tensor slope_of(UnaryOp op, UnaryNumbers p, const Tensor& v) {
  const auto number = [](double n) { return Operand(n, At()); };
  const auto times = [](const Tensor& a, const Tensor& b) { return mul(a, Operand(b, At())); };
  const auto as_floats = [&](const Tensor& condition) { return condition.to(v.dtype(), At()); };
  switch (op) {
    case UnaryOp::exp: return v;
    case UnaryOp::log: return reciprocal(v, At());
    case UnaryOp::sqrt: return mul(reciprocal(v, At()), number(0.5));
    case UnaryOp::rsqrt: return mul(times(times(v, v), v), number(-0.5));
    case UnaryOp::abs: return sub(as_floats(gt(v, number(0))), Operand(as_floats(lt(v, number(0))), At()));
    case UnaryOp::square: return mul(v, number(2));
    case UnaryOp::reciprocal: return neg(times(v, v), At());
    case UnaryOp::sin: return cos(v, At());
    case UnaryOp::cos: return neg(sin(v, At()), At());
    case UnaryOp::tanh: return detail::subtract_from(number(1), times(v, v));
    case UnaryOp::sigmoid: return sub(v, Operand(times(v, v), At()));
    case UnaryOp::relu: return as_floats(gt(v, number(0)));
    case UnaryOp::silu: {
      const Tensor s = sigmoid(v, At());
      return times(s, add(times(v, detail::subtract_from(number(1), s)), number(1)));
    }
    case UnaryOp::erf: return mul(exp(neg(times(v, v), At()), At()), number(1.12837916709551257390));
    case UnaryOp::leaky_relu: return add(mul(as_floats(gt(v, number(0))), number(1 - p.first)), number(p.first));
    case UnaryOp::elu: {
      const Tensor positive = gt(v, number(0));
      // exp only of what is not positive: where() would pass an overflow's NaN on to the gradient
      return where(positive, as_floats(positive), mul(exp(minimum(v, number(0)), At()), number(p.first)), At());
    }
    case UnaryOp::gelu: {
      const Tensor cdf = add(mul(erf(mul(v, number(0.70710678118654752440)), At()), number(0.5)), number(0.5));
      const Tensor pdf = mul(exp(mul(times(v, v), number(-0.5)), At()), number(0.39894228040143267794));
      return add(cdf, Operand(times(v, pdf), At()));
    }
    case UnaryOp::gelu_tanh: {
      const Tensor square = times(v, v);
      const Tensor s = sigmoid(times(mul(v, number(1.59576912160573071176)), add(mul(square, number(0.044715)), number(1))), At());
      const Tensor inner = mul(add(mul(square, number(3 * 0.044715)), number(1)), number(1.59576912160573071176));
      return add(s, Operand(times(times(v, sub(s, Operand(times(s, s), At()))), inner), At()));
    }
    case UnaryOp::softplus: {
      const Tensor scaled = mul(v, number(p.first)), linear = gt(scaled, number(p.second));
      return where(linear, as_floats(linear), sigmoid(scaled, At()), At());
    }
    case UnaryOp::clamp: return times(as_floats(ge(v, number(p.first))), as_floats(le(v, number(p.second))));
    case UnaryOp::neg: break;  // has no operand to ask for
  }
  return {};
}

struct Unary final : Function {
  UnaryNumbers numbers;
  UnaryOp op;
  UnaryUses uses;
  explicit Unary(UnaryOp o, UnaryNumbers n = {}) : numbers(n), op(o), uses(kernels::cpu::unary_uses(o)) {}
  const OpInfo& info() const override { return family[static_cast<int>(op)]; }
  std::string attributes() const override {
    switch (op) {
      case UnaryOp::leaky_relu: return detail::concat({"negative_slope=", numbers.first});
      case UnaryOp::elu: return detail::concat({"alpha=", numbers.first});
      case UnaryOp::softplus: return detail::concat({"beta=", numbers.first, ", threshold=", numbers.second});
      case UnaryOp::clamp: return detail::concat({"lowest=", numbers.first, ", highest=", numbers.second});
      default: return {};
    }
  }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    if (!is_floating(x.dtype()) && !(is_integral(x.dtype()) && kernels::cpu::unary_takes_integers(op)))
      TASUKI_THROW(DTypeError, "expected  a ", kernels::cpu::unary_takes_integers(op) ? "number" : "floating", " dtype\nactual    ", x.dtype(),
                   "\ncast first: .to(ts::f32)");
    if (op == UnaryOp::clamp && !(numbers.first <= numbers.second))
      TASUKI_THROW(ValueError, "expected  lowest <= highest\nactual    lowest = ", numbers.first, ", highest = ", numbers.second);
    Spec spec = Spec::like(x);
    spec.save_inputs = uses == UnaryUses::input;
    spec.save_outputs = uses == UnaryUses::output;
    spec.flops = static_cast<double>(x.numel());
    spec.backward_flops = 2 * spec.flops;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::unary(op, numbers, l.in(0), l.out(0));
      default: kernels::not_on(l.device(), info().name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const View& operand = uses == UnaryUses::input ? b.in(0) : uses == UnaryUses::output ? b.out(0) : b.grad_out(0);
    const GradSlot to = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::unary_backward(op, numbers, b.grad_out(0), operand, to.view, to.accumulate);
      default: kernels::not_on(b.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    if (op == UnaryOp::neg) return {neg(c.grad(0), At())};
    return {mul(c.grad(0), Operand(slope_of(op, numbers, uses == UnaryUses::input ? c.in(0) : c.out(0)), At()))};
  }
};

}  // namespace

#define TASUKI_UNARY(name)                                                                  \
  Tensor name(const Tensor& x, At at) { return apply(Unary(UnaryOp::name), {&x}, at); }     \
  Tensor Tensor::name(At at) const { return tasuki::name(*this, at); }
#include "tasuki/tensor/unary_names.inc"
#undef TASUKI_UNARY

Tensor leaky_relu(const Tensor& x, double negative_slope, At at) { return apply(Unary(UnaryOp::leaky_relu, {negative_slope, 0}), {&x}, at); }
Tensor elu(const Tensor& x, double alpha, At at) { return apply(Unary(UnaryOp::elu, {alpha, 0}), {&x}, at); }
Tensor gelu(const Tensor& x, At at) { return apply(Unary(UnaryOp::gelu), {&x}, at); }
Tensor gelu_tanh(const Tensor& x, At at) { return apply(Unary(UnaryOp::gelu_tanh), {&x}, at); }
Tensor softplus(const Tensor& x, double beta, double threshold, At at) { return apply(Unary(UnaryOp::softplus, {beta, threshold}), {&x}, at); }
Tensor clamp(const Tensor& x, double lowest, double highest, At at) { return apply(Unary(UnaryOp::clamp, {lowest, highest}), {&x}, at); }

Tensor operator-(const Tensor& a) { return neg(a, At()); }

}  // namespace tasuki
