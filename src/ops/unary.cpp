#include "tasuki/ops/unary.hpp"

#include <limits>

#include "kernels/dispatch.hpp"
#include "kernels/unary.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/unary_slopes.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/activation.hpp"
#include "tasuki/ops/binary.hpp"

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
      case UnaryOp::polygamma: return detail::concat({"n=", numbers.first});
      case UnaryOp::nan_to_num: return detail::concat({"nan=", numbers.first, ", infinity=", numbers.second, ", minus_infinity=", numbers.third});
      case UnaryOp::celu: return detail::concat({"alpha=", numbers.first});
      case UnaryOp::threshold: return detail::concat({"threshold=", numbers.first, ", value=", numbers.second});
      case UnaryOp::hardshrink:
      case UnaryOp::softshrink: return detail::concat({"lambda=", numbers.first});
      case UnaryOp::hardtanh:
      case UnaryOp::clamp: return detail::concat({"lowest=", numbers.first, ", highest=", numbers.second});
      default: return {};
    }
  }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    if (!is_floating(x.dtype()) && !(is_integral(x.dtype()) && kernels::cpu::unary_takes_integers(op)))
      TASUKI_THROW(DTypeError, "expected  a ", kernels::cpu::unary_takes_integers(op) ? "number" : "floating", " dtype\nactual    ", x.dtype(),
                   "\ncast first: .to(ts::f32)");
    if ((op == UnaryOp::clamp || op == UnaryOp::hardtanh) && !(numbers.first <= numbers.second))
      TASUKI_THROW(ValueError, "expected  lowest <= highest\nactual    lowest = ", numbers.first, ", highest = ", numbers.second);
    if (op == UnaryOp::polygamma && numbers.first < 0) TASUKI_THROW(ValueError, "expected  n >= 0\nactual    n = ", numbers.first);
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
  bool has_fused_backward() const override { return op != UnaryOp::frac; }  // its gradient is the gradient
  void backward(Backward& b) override {
    const View& operand = uses == UnaryUses::input ? b.in(0) : uses == UnaryUses::output ? b.out(0) : b.grad_out(0);
    const GradSlot to = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::unary_backward(op, numbers, b.grad_out(0), operand, to.view, to.accumulate);
      default: kernels::not_on(b.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    if (op == UnaryOp::frac) return {c.grad(0)};
    if (uses == UnaryUses::nothing) return {mul(c.grad(0), Operand(detail::constant_slope(op), At()))};
    return {mul(c.grad(0), Operand(detail::slope_of(op, numbers, uses == UnaryUses::input ? c.in(0) : c.out(0)), At()))};
  }
};

constexpr OpInfo clamp_min_info{"clamp_min", "x"}, clamp_max_info{"clamp_max", "x"};

void check_number(const Tensor& x) {
  if (x.dtype() == bool_) TASUKI_THROW(DTypeError, "expected  a number dtype\nactual    bool\ncast first: .to(ts::f32)");
}

}  // namespace

#define TASUKI_UNARY(name)                                                                  \
  Tensor name(const Tensor& x, At at) { return apply(Unary(UnaryOp::name), {&x}, at); }     \
  Tensor Tensor::name(At at) const { return tasuki::name(*this, at); }
#include "tasuki/tensor/unary_names.inc"
#undef TASUKI_UNARY

#define TASUKI_UNARY(name) \
  Tensor name(const Tensor& x, At at) { return apply(Unary(UnaryOp::name), {&x}, at); }
#include "tasuki/ops/unary_functions.inc"
#undef TASUKI_UNARY

Tensor leaky_relu(const Tensor& x, double negative_slope, At at) { return apply(Unary(UnaryOp::leaky_relu, {negative_slope, 0}), {&x}, at); }
Tensor elu(const Tensor& x, double alpha, At at) { return apply(Unary(UnaryOp::elu, {alpha, 0}), {&x}, at); }
Tensor celu(const Tensor& x, double alpha, At at) { return apply(Unary(UnaryOp::celu, {alpha, 0}), {&x}, at); }
Tensor hardtanh(const Tensor& x, double lowest, double highest, At at) { return apply(Unary(UnaryOp::hardtanh, {lowest, highest}), {&x}, at); }
Tensor softshrink(const Tensor& x, double lambda, At at) { return apply(Unary(UnaryOp::softshrink, {lambda, 0}), {&x}, at); }
Tensor hardshrink(const Tensor& x, double lambda, At at) { return apply(Unary(UnaryOp::hardshrink, {lambda, 0}), {&x}, at); }
Tensor threshold(const Tensor& x, double least, double value, At at) { return apply(Unary(UnaryOp::threshold, {least, value}), {&x}, at); }
Tensor softplus(const Tensor& x, double beta, double threshold, At at) { return apply(Unary(UnaryOp::softplus, {beta, threshold}), {&x}, at); }
Tensor clamp(const Tensor& x, double lowest, double highest, At at) { return apply(Unary(UnaryOp::clamp, {lowest, highest}), {&x}, at); }
Tensor clamp_min(const Tensor& x, double lowest, At at) {
  return ops::composed(clamp_min_info, {&x}, at, [&] {
    check_number(x);
    return is_integral(x.dtype()) ? maximum(x, {lowest, at}) : clamp(x, lowest, std::numeric_limits<double>::infinity(), at);
  });
}
Tensor clamp_max(const Tensor& x, double highest, At at) {
  return ops::composed(clamp_max_info, {&x}, at, [&] {
    check_number(x);
    return is_integral(x.dtype()) ? minimum(x, {highest, at}) : clamp(x, -std::numeric_limits<double>::infinity(), highest, at);
  });
}
Tensor polygamma(int n, const Tensor& x, At at) {
  if (n == 0) return digamma(x, at);
  return apply(Unary(UnaryOp::polygamma, {static_cast<double>(n)}), {&x}, at);
}
Tensor nan_to_num(const Tensor& x, double nan, std::optional<double> infinity, std::optional<double> minus_infinity, At at) {
  const auto greatest = [&](DType dtype) {
    switch (dtype) {
      case DType::f64: return 0x1.fffffffffffffp1023;
      case DType::bf16: return 0x1.fep127;
      case DType::f16: return 65504.0;
      default: return 0x1.fffffep127;
    }
  };
  const double most = x.defined() ? greatest(x.dtype()) : 0;
  return apply(Unary(UnaryOp::nan_to_num, {nan, infinity.value_or(most), minus_infinity.value_or(-most)}), {&x}, at);
}

Tensor operator-(const Tensor& a) { return neg(a, At()); }

}  // namespace tasuki
