#include "tasuki/ops/binary.hpp"

#include <cmath>

#include "kernels/binary.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/sloped.hpp"
#include "src/ops/two_operands.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

using At = SourceLocation;
using kernels::cpu::BinaryGradient;
using kernels::cpu::BinaryOp;
using kernels::cpu::ScalarView;

/// Where a number stands in place of a tensor.
enum class Number : unsigned char { none, right, left };

constexpr unsigned flags = op_any_grad_layout;
constexpr OpInfo infos[] = {{"add", "a, b", flags}, {"sub", "a, b", flags},     {"mul", "a, b", flags},    {"div", "a, b", flags},
                            {"pow", "a, b", flags}, {"maximum", "a, b", flags}, {"minimum", "a, b", flags}, {"floor_divide", "a, b", op_not_differentiable},
                            {"fmod", "a, b", flags},
                            {"remainder", "a, b", flags}, {"atan2", "a, b", flags}, {"hypot", "a, b", flags}, {"logaddexp", "a, b", flags}, {"prelu", "x, weight", flags}};
constexpr OpInfo number_left_infos[] = {{"add", "b", flags}, {"sub", "b", flags},     {"mul", "b", flags},    {"div", "b", flags},
                                        {"pow", "b", flags}, {"maximum", "b", flags}, {"minimum", "b", flags}};
constexpr OpInfo in_place_infos[] = {{"add_", "a, b", flags}, {"sub_", "a, b", flags}, {"mul_", "a, b", flags}, {"div_", "a, b", flags}};

struct Binary final : Function {
  double number = 0;
  BinaryOp op;
  Number number_is;
  bool in_place = false, same_shape = true;
  Binary(BinaryOp o, const Operand& b, bool write = false) : number(b.scalar()), op(o), number_is(b.tensor() ? Number::none : Number::right), in_place(write) {}
  Binary(const Operand& left, BinaryOp o) : number(left.scalar()), op(o), number_is(Number::left) {}

  const OpInfo& info() const override {
    return (in_place ? in_place_infos : number_is == Number::left ? number_left_infos : infos)[static_cast<int>(op)];
  }
  std::string attributes() const override {
    if (number_is == Number::none) return {};
    return (number_is == Number::left ? "a=" : "b=") + detail::Text(number).str();
  }

  Spec infer(const Operands& in) override {
    const Tensor& a = in[0];
    check_dtype(a.dtype());
    if (number_is == Number::none) {
      detail::check_same_dtype(a, in[1]);
      same_shape = a.shape() == in[1].shape();
    } else {
      detail::check_scalar(a.dtype(), number);
      if (op == BinaryOp::floor_divide && number == 0 && !is_floating(a.dtype()))
        TASUKI_THROW(ValueError, "expected  a number other than 0 to divide integers by\nactual    0");
      if (op == BinaryOp::pow && number_is == Number::right && number < 0 && !is_floating(a.dtype()))
        TASUKI_THROW(ValueError, "expected  an exponent that is not negative beside a tensor of ", a.dtype(), "\nactual    ", number, "\ncast the tensor with .to(ts::f32)");
    }
    Spec spec = in_place ? Spec() : number_is == Number::none ? detail::broadcast_spec(a, in[1], a.dtype()) : Spec::like(a);
    if (in_place) {
      spec.in_place = true;
      if (!same_shape && broadcast_shapes(a.shape(), in[1].shape()) != a.shape())
        TASUKI_THROW(ShapeError, "expected  an operand that broadcasts to the target's shape, ", a.shape(), "\nactual    ", in[1].shape());
    }
    for (int operand = 0; operand < 2; ++operand) {
      const int input = input_of(operand);
      if (input < 0 || !in.needs_grad(static_cast<std::size_t>(input))) continue;
      const BinaryGradient needs = kernels::cpu::binary_gradient_needs(op, operand);
      if (needs.a && number_is != Number::left) spec.save_inputs |= 1;
      if (needs.b && number_is != Number::right) spec.save_inputs |= number_is == Number::left ? 1 : 2;
      spec.save_outputs |= needs.out;
    }
    spec.flops = static_cast<double>(same_shape ? a.numel() : spec.in_place ? a.numel() : spec.outputs[0].shape.numel());
    return spec;
  }

  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: break;
      default: kernels::not_on(l.device(), info().name);
    }
    const View &a = l.in(0), &out = l.out(0);
    const DType compute = kernels::cpu::compute_dtype(a.dtype);
    switch (number_is) {
      case Number::none: return kernels::cpu::binary(op, a, l.in(1), out);
      case Number::left: return kernels::cpu::binary(op, ScalarView(number, compute).view(), a, out);
      case Number::right:
        if (op == BinaryOp::pow) return kernels::cpu::power_of_number(a, number, out);
        return kernels::cpu::binary(op, a, ScalarView(number, compute).view(), out);
    }
  }

  // The gradients of sums are the incoming one, which backward_graph hands on without a copy; a broadcast ends in sum_to anyway.
  bool has_fused_backward() const override { return same_shape && op != BinaryOp::add && op != BinaryOp::sub; }

  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: break;
      default: kernels::not_on(b.device(), info().name);
    }
    const View& g = b.grad_out(0);
    if (number_is == Number::none) {
      for (int i = 0; i < 2; ++i) {
        if (!b.needs(static_cast<std::size_t>(i))) continue;
        const GradSlot to = b.grad(static_cast<std::size_t>(i));
        kernels::cpu::binary_backward(op, i, g, b.in(0), b.in(1), b.out(0), to.view, to.accumulate);
      }
      return;
    }
    const GradSlot to = b.grad(0);
    if (op == BinaryOp::pow && number_is == Number::right) return kernels::cpu::power_of_number_backward(g, b.in(0), number, to.view, to.accumulate);
    const ScalarView scalar(number, kernels::cpu::compute_dtype(g.dtype));
    if (number_is == Number::right) kernels::cpu::binary_backward(op, 0, g, b.in(0), scalar.view(), b.out(0), to.view, to.accumulate);
    else kernels::cpu::binary_backward(op, 1, g, scalar.view(), b.in(0), b.out(0), to.view, to.accumulate);
  }

  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(c.input_count());
    for (int operand = 0; operand < 2; ++operand) {
      const int input = input_of(operand);
      if (input < 0 || !c.needs(static_cast<std::size_t>(input))) continue;
      const auto i = static_cast<std::size_t>(input);
      const Tensor g = gradient(c, operand);
      grads[i] = same_shape ? g : sum_to(g, c.in_shape(i), At());
    }
    return grads;
  }

 private:
  /// The input that is operand 0 (a) or 1 (b); -1 where that is a number.
  int input_of(int operand) const {
    if (number_is == Number::none) return operand;
    return operand == (number_is == Number::left ? 1 : 0) ? 0 : -1;
  }

  void check_dtype(DType dtype) const {
    if (is_floating(dtype)) return;
    if (op > BinaryOp::floor_divide) TASUKI_THROW(DTypeError, "expected  a floating dtype\nactual    ", dtype, "\ncast first with .to(ts::f32)");
    if (op == BinaryOp::div)
      TASUKI_THROW(DTypeError, "expected  a floating dtype\nactual    ", dtype, "\nquotients are not rounded to integers: cast first with .to(ts::f32)");
    if (dtype == bool_) TASUKI_THROW(DTypeError, "expected  a floating or integral dtype\nactual    bool\ncast first with .to(ts::f32) or .to(ts::i64)");
  }

  /// An operand in backward: what was saved, or the number.
  struct Saved {
    Tensor tensor;
    double number = 0;
    operator Operand() const { return tensor.defined() ? Operand(tensor, At()) : Operand(number, At()); }
  };
  Saved saved(const GradContext& c, int operand) const {
    const int input = input_of(operand);
    return input < 0 ? Saved{Tensor(), number} : Saved{c.in(static_cast<std::size_t>(input)), 0};
  }
  static Tensor times(const Tensor& a, const Operand& b) { return mul(a, b); }
  static Tensor times(const Tensor& a, const Tensor& b) { return mul(a, Operand(b, At())); }

  Tensor gradient(const GradContext& c, int operand) const {
    const Tensor& g = c.grad(0);
    const bool first = operand == 0;
    switch (op) {
      case BinaryOp::add: return g;
      case BinaryOp::sub: return first ? g : neg(g, At());
      case BinaryOp::mul: return times(g, Operand(saved(c, 1 - operand)));
      case BinaryOp::div: return first ? div(g, saved(c, 1)) : neg(div(times(g, c.out(0)), saved(c, 1)), At());
      case BinaryOp::pow: return times(g, first ? slope_by_base(c) : slope_by_exponent(c));
      case BinaryOp::maximum:
      case BinaryOp::minimum: return times(g, share(c, operand));
      default: return first ? gradient_by_first(c) : gradient_by_second(c);
    }
    return {};
  }

  /// Of the functions after minimum, whose first operand is always a tensor.
  Tensor gradient_by_first(const GradContext& c) const {
    const Tensor& g = c.grad(0);
    switch (op) {
      case BinaryOp::atan2: return g * second(c) / (c.in(0) * c.in(0) + second(c) * second(c));
      case BinaryOp::hypot: return g * (c.in(0) / c.out(0));
      case BinaryOp::logaddexp: return g * exp(c.in(0) - c.out(0));
      case BinaryOp::prelu: return where(gt(c.in(0), 0), g, g * c.in(1), At());
      default: return g;  // fmod, remainder
    }
  }
  Tensor gradient_by_second(const GradContext& c) const {
    const Tensor& g = c.grad(0);
    switch (op) {
      case BinaryOp::fmod: return -(g * (floor_divide(abs(c.in(0)), abs(c.in(1))) * sign(c.in(0)) * sign(c.in(1))));  // of halves, a rounded quotient may be the next number
      case BinaryOp::remainder: return -(g * floor_divide(c.in(0), c.in(1)));
      case BinaryOp::atan2: return -(g * c.in(0)) / (c.in(0) * c.in(0) + c.in(1) * c.in(1));
      case BinaryOp::hypot: return g * (c.in(1) / c.out(0));
      case BinaryOp::prelu: return g * minimum(c.in(0), 0);
      default: return g * exp(c.in(1) - c.out(0));  // logaddexp
    }
  }
  /// The second operand as a tensor, whatever it is.
  Tensor second(const GradContext& c) const { return number_is == Number::none ? c.in(1) : detail::zero_beside(c.in(0)) + number; }

  /// b a^(b-1), 0 where b is 0.
  Tensor slope_by_base(const GradContext& c) const {
    const Tensor a = c.in(0);
    if (number_is == Number::right) return number == 0 ? times(a, Operand(0, At())) : times(pow(a, Operand(number - 1, At())), Operand(number, At()));
    const Tensor b = c.in(1);
    const Tensor slope = times(pow(a, Operand(sub(b, Operand(1, At())), At())), b);
    return where(eq(b, Operand(0, At())), detail::zero_beside(slope), slope, At());
  }
  /// a^b ln a, 0 where a is 0 and b is not negative.
  Tensor slope_by_exponent(const GradContext& c) const {
    const Tensor b = c.in(number_is == Number::left ? 0 : 1);
    if (number_is == Number::left) {
      const Tensor power = apply(Binary(Operand(number, At()), BinaryOp::pow), {&b}, At());
      return number == 0 ? times(power, Operand(0, At())) : times(power, Operand(std::log(number), At()));
    }
    const Tensor a = c.in(0);
    const Tensor slope = times(pow(a, Operand(b, At())), log(a, At()));
    return where(eq(a, Operand(0, At())), detail::zero_beside(slope), slope, At());
  }
  /// 1 where the operand wins, 1/2 where both are equal, 0 where it loses; 1 beside NaN, as in the kernel.
  Tensor share(const GradContext& c, int operand) const {
    const bool has_a = number_is != Number::left;
    const Tensor x = saved(c, has_a ? 0 : 1).tensor;
    const Saved other = saved(c, has_a ? 1 : 0);
    // x is a (or, beside a number on the left, b); it loses a maximum where it is smaller
    const bool wants_x = has_a == (operand == 0);
    const bool loses_if_smaller = (op == BinaryOp::maximum) == wants_x;
    const Tensor loses = loses_if_smaller ? lt(x, other) : gt(x, other);
    const DType dtype = x.dtype();
    return sub(detail::subtract_from(Operand(1, At()), loses.to(dtype, At())), Operand(times(eq(x, other).to(dtype, At()), Operand(0.5, At())), At()));
  }
};

Tensor out_of_place(BinaryOp op, const Tensor& a, const Operand& b) { return detail::apply_with(Binary(op, b), a, b); }
Tensor with_left(const Operand& number, BinaryOp op, const Tensor& b) { return apply(Binary(number, op), {&b}, number.at()); }
const Tensor& into(BinaryOp op, const Tensor& a, const Operand& b) {
  if (b.tensor()) {
    const Tensor apart = detail::apart_from(a, *b.tensor(), b.at());
    apply(Binary(op, b, true), {&a, &apart}, b.at());
  } else {
    apply(Binary(op, b, true), {&a}, b.at());
  }
  return a;
}

}  // namespace

#define TASUKI_BINARY(name)                                                             \
  Tensor name(const Tensor& a, Operand b) { return out_of_place(BinaryOp::name, a, b); }
TASUKI_BINARY(add)
TASUKI_BINARY(sub)
TASUKI_BINARY(mul)
TASUKI_BINARY(div)
TASUKI_BINARY(pow)
TASUKI_BINARY(maximum)
TASUKI_BINARY(minimum)
TASUKI_BINARY(floor_divide)
TASUKI_BINARY(fmod)
TASUKI_BINARY(remainder)
TASUKI_BINARY(atan2)
TASUKI_BINARY(hypot)
TASUKI_BINARY(logaddexp)
#undef TASUKI_BINARY

Tensor prelu(const Tensor& x, const Tensor& weight, At at) {
  return ops::composed(infos[static_cast<int>(BinaryOp::prelu)], {&x, &weight}, at, [&] {
    const std::int64_t channels = x.ndim() > 1 ? x.size(1) : 1;
    if (weight.ndim() > 1 || (weight.numel() != 1 && weight.numel() != channels))
      TASUKI_THROW(ShapeError, "expected  a weight of 1 or ", channels, " elements\nactual    ", weight.shape());
    Shape shape;
    if (weight.numel() != 1) {
      shape = Shape::filled(x.ndim() - 1, 1);
      shape[0] = channels;
    }
    return out_of_place(BinaryOp::prelu, x, Operand(weight.reshape(shape, at), at));
  });
}

Tensor ops::sloped(const Tensor& x, const Tensor& slopes, At at) { return out_of_place(BinaryOp::prelu, x, Operand(slopes, at)); }

Tensor pow(detail::LeftScalar base, const Tensor& exponent) { return with_left(base.operand, BinaryOp::pow, exponent); }

Tensor operator+(const Tensor& a, Operand b) { return add(a, b); }
Tensor operator-(const Tensor& a, Operand b) { return sub(a, b); }
Tensor operator*(const Tensor& a, Operand b) { return mul(a, b); }
Tensor operator/(const Tensor& a, Operand b) { return div(a, b); }

Tensor Tensor::add(Operand o) const { return tasuki::add(*this, o); }
Tensor Tensor::sub(Operand o) const { return tasuki::sub(*this, o); }
Tensor Tensor::mul(Operand o) const { return tasuki::mul(*this, o); }
Tensor Tensor::div(Operand o) const { return tasuki::div(*this, o); }
Tensor Tensor::pow(Operand o) const { return tasuki::pow(*this, o); }

const Tensor& Tensor::add_(Operand o) const { return into(BinaryOp::add, *this, o); }
const Tensor& Tensor::sub_(Operand o) const { return into(BinaryOp::sub, *this, o); }
const Tensor& Tensor::mul_(Operand o) const { return into(BinaryOp::mul, *this, o); }
const Tensor& Tensor::div_(Operand o) const { return into(BinaryOp::div, *this, o); }

namespace detail {
Tensor subtract_from(Operand number, const Tensor& a) { return with_left(number, BinaryOp::sub, a); }
Tensor divide_by(Operand number, const Tensor& a) { return with_left(number, BinaryOp::div, a); }
}  // namespace detail

}  // namespace tasuki
