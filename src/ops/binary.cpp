#include "tasuki/ops/binary.hpp"

#include "kernels/binary.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/scalar_operand.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

using At = SourceLocation;
using kernels::cpu::BinaryOp;
using kernels::cpu::ScalarView;

/// What the family's members differ in besides the kernel.
enum class Takes : unsigned char { numbers, floats };
enum class Saves : unsigned char { nothing, partner, both };
struct Traits {
  OpInfo out_of_place, in_place;
  Takes takes;
  Saves saves;
};

constexpr Traits family[] = {
    {{"add", "a, b", op_any_grad_layout}, {"add_", "a, b", op_any_grad_layout}, Takes::numbers, Saves::nothing},
    {{"sub", "a, b", op_any_grad_layout}, {"sub_", "a, b", op_any_grad_layout}, Takes::numbers, Saves::nothing},
    {{"mul", "a, b", op_any_grad_layout}, {"mul_", "a, b", op_any_grad_layout}, Takes::numbers, Saves::partner},
    {{"div", "a, b", op_any_grad_layout}, {"div_", "a, b", op_any_grad_layout}, Takes::floats, Saves::partner},
    {{"pow", "a, b", op_any_grad_layout}, {"pow_", "a, b", op_any_grad_layout}, Takes::floats, Saves::both},
    {{"maximum", "a, b", op_any_grad_layout}, {"maximum_", "a, b", op_any_grad_layout}, Takes::numbers, Saves::both},
    {{"minimum", "a, b", op_any_grad_layout}, {"minimum_", "a, b", op_any_grad_layout}, Takes::numbers, Saves::both},
};

struct Binary final : Function {
  Right right;
  BinaryOp op;
  bool in_place, same_shape = false;
  Binary(BinaryOp o, const Operand& b, bool write = false) : right(b), op(o), in_place(write) {}

  const Traits& traits() const { return family[static_cast<int>(op)]; }
  const OpInfo& info() const override { return in_place ? traits().in_place : traits().out_of_place; }
  std::string attributes() const override { return right.is_number ? "b=" + detail::Text(right.number).str() : ""; }

  Spec infer(const Operands& in) override {
    const Tensor& a = in[0];
    right.check(in);
    if (a.dtype() == bool_ || (traits().takes == Takes::floats && !is_floating(a.dtype())))
      TASUKI_THROW(DTypeError, "expected  a ", traits().takes == Takes::floats ? "floating" : "number", " dtype\nactual    ", a.dtype(), "\ncast first: .to(ts::f32)");
    Spec spec = outputs(in);
    const bool both = traits().saves == Saves::both;
    if (!right.is_number) {
      if (traits().saves != Saves::nothing && (both || in.needs_grad(0))) spec.save_inputs |= 2;
      if (traits().saves != Saves::nothing && (both || in.needs_grad(1))) spec.save_inputs |= 1;
    } else if (both) {
      spec.save_inputs = 1;
    }
    spec.flops = static_cast<double>(a.numel());
    return spec;
  }

  Spec outputs(const Operands& in) {
    const Tensor& a = in[0];
    same_shape = right.is_number || in[1].shape() == a.shape();
    Spec spec;
    if (in_place) {
      spec.in_place = true;
      if (!same_shape && broadcast_shapes(a.shape(), in[1].shape()) != a.shape())
        TASUKI_THROW(ShapeError, "expected  an operand that broadcasts to the target's shape, ", a.shape(), "\nactual    ", in[1].shape());
      return spec;
    }
    if (same_shape) return Spec::like(a);
    const Shape shape = broadcast_shapes(a.shape(), in[1].shape());
    // The operand that is not repeated gives the layout: a bias does not turn channels-last into rows.
    if (shape == a.shape()) return Spec::like(a);
    if (shape == in[1].shape()) return Spec::like(in[1]);
    return Spec(shape, a.dtype());
  }

  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        if (!right.is_number) return kernels::cpu::binary(op, l.in(0), l.in(1), l.out(0));
        return kernels::cpu::binary(op, l.in(0), ScalarView(right.number, l.in(0).dtype).view(), l.out(0));
      default: kernels::not_on(l.device(), info().name);
    }
  }

  // Products of equal shapes are what hot loops are made of; the others are worth no kernel of their own.
  bool has_fused_backward() const override { return op == BinaryOp::mul && same_shape; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: break;
      default: kernels::not_on(b.device(), info().name);
    }
    const auto times = [&](GradSlot to, const View& factor) {
      kernels::cpu::binary(to.accumulate ? BinaryOp::add_product : BinaryOp::mul, b.grad_out(0), factor, to.view);
    };
    if (right.is_number) return times(b.grad(0), ScalarView(right.number, b.grad_out(0).dtype).view());
    if (b.needs(0)) times(b.grad(0), b.in(1));
    if (b.needs(1)) times(b.grad(1), b.in(0));
  }

  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(c.input_count());
    if (c.needs(0)) grads[0] = sum_to(left_gradient(c), c.in_shape(0));
    if (!right.is_number && c.needs(1)) grads[1] = sum_to(right_gradient(c), c.in_shape(1));
    return grads;
  }

  Operand b_of(const GradContext& c, Tensor& holder) const {
    if (right.is_number) return Operand(right.number, At());
    holder = c.in(1);
    return Operand(holder, At());
  }

  /// 1 where a wins, 1/2 where the operands are equal.
  Tensor share(const GradContext& c, bool of_left) const {
    Tensor holder;
    const Tensor a = c.in(0).detach();
    const Operand b = b_of(c, holder);
    const bool left_wins_if_larger = op == BinaryOp::maximum;
    const Tensor wins = left_wins_if_larger == of_left ? gt(a, b) : lt(a, b);
    return add(wins.to(c.in_dtype(0)), Operand(mul(eq(a, b).to(c.in_dtype(0)), Operand(0.5, At())), At()));
  }

  Tensor left_gradient(const GradContext& c) const {
    const Tensor& g = c.grad(0);
    Tensor holder;
    switch (op) {
      case BinaryOp::mul: return mul(g, b_of(c, holder));
      case BinaryOp::div: return div(g, b_of(c, holder));
      case BinaryOp::pow: {
        if (right.is_number) return right.number == 0 ? mul(g, Operand(0, At())) :
                                                         mul(g, Operand(mul(pow(c.in(0), Operand(right.number - 1, At())), b_of(c, holder)), At()));
        const Tensor a = c.in(0), b = c.in(1);
        const Tensor slope = mul(pow(a, Operand(sub(b, Operand(1, At())), At())), Operand(b, At()));
        return mul(g, Operand(where(eq(b, Operand(0, At())), zero_beside(slope), slope, At()), At()));
      }
      case BinaryOp::maximum:
      case BinaryOp::minimum: return mul(g, Operand(share(c, true), At()));
      default: return g;
    }
  }

  Tensor right_gradient(const GradContext& c) const {
    const Tensor& g = c.grad(0);
    switch (op) {
      case BinaryOp::sub: return neg(g, At());
      case BinaryOp::mul: return mul(g, Operand(c.in(0), At()));
      case BinaryOp::div: {
        const Tensor a = c.in(0), b = c.in(1);
        return neg(div(mul(g, Operand(a, At())), Operand(mul(b, Operand(b, At())), At())), At());
      }
      case BinaryOp::pow: {
        const Tensor a = c.in(0), b = c.in(1);
        const Tensor slope = mul(pow(a, Operand(b, At())), Operand(log(a, At()), At()));
        return mul(g, Operand(where(eq(a, Operand(0, At())), zero_beside(slope), slope, At()), At()));
      }
      case BinaryOp::maximum:
      case BinaryOp::minimum: return mul(g, Operand(share(c, false), At()));
      default: return g;
    }
  }
};

/// number - a and number / a.
struct FromNumber final : Function {
  double number;
  BinaryOp op;
  FromNumber(double n, BinaryOp o) : number(n), op(o) {}
  static constexpr OpInfo sub_op{"rsub", "a", op_any_grad_layout}, div_op{"rdiv", "a", op_any_grad_layout};
  const OpInfo& info() const override { return op == BinaryOp::sub ? sub_op : div_op; }
  std::string attributes() const override { return "number=" + detail::Text(number).str(); }
  Spec infer(const Operands& in) override {
    const Tensor& a = in[0];
    if (!is_floating(a.dtype()) && (op == BinaryOp::div || a.dtype() == bool_ || number != std::trunc(number)))
      TASUKI_THROW(DTypeError, "expected  a floating dtype beside the number ", number, "\nactual    ", a.dtype(), "\ncast first: .to(ts::f32)");
    Spec spec = Spec::like(a);
    if (op == BinaryOp::div) spec.save_inputs = 1;
    spec.flops = static_cast<double>(a.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::binary(op, ScalarView(number, l.in(0).dtype).view(), l.in(0), l.out(0));
      default: kernels::not_on(l.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor& g = c.grad(0);
    if (op == BinaryOp::sub) return {neg(g, At())};
    const Tensor a = c.in(0);
    return {div(mul(g, Operand(-number, At())), Operand(mul(a, Operand(a, At())), At()))};
  }
};

Tensor out_of_place(BinaryOp op, const Tensor& a, const Operand& b) { return apply_with(Binary(op, b), a, b); }
const Tensor& into(BinaryOp op, const Tensor& a, const Operand& b) {
  apply_with(Binary(op, b, true), a, b);
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
#undef TASUKI_BINARY

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
Tensor subtract_from(Operand number, const Tensor& a) { return apply(FromNumber(number.scalar(), BinaryOp::sub), {&a}, number.at()); }
Tensor divide_by(Operand number, const Tensor& a) { return apply(FromNumber(number.scalar(), BinaryOp::div), {&a}, number.at()); }
}  // namespace detail

}  // namespace tasuki
