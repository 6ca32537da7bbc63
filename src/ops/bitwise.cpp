#include "tasuki/ops/bitwise.hpp"

#include "kernels/bitwise.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/two_operands.hpp"

namespace tasuki {
namespace {

using kernels::cpu::BitwiseOp;

constexpr OpInfo bitwise_infos[] = {{"bitwise_and", "a, b", op_not_differentiable}, {"bitwise_or", "a, b", op_not_differentiable},
                            {"bitwise_xor", "a, b", op_not_differentiable}, {"bitwise_left_shift", "a, b", op_not_differentiable},
                            {"bitwise_right_shift", "a, b", op_not_differentiable}};
constexpr OpInfo bitwise_not_info{"bitwise_not", "x"};

struct Bitwise final : Function {
  double number;
  bool with_number;
  BitwiseOp op;
  Bitwise(BitwiseOp o, const Operand& b) : number(b.scalar()), with_number(!b.tensor()), op(o) {}
  const OpInfo& info() const override { return bitwise_infos[static_cast<int>(op)]; }
  Spec infer(const Operands& in) override {
    const DType dtype = in[0].dtype();
    if (is_floating(dtype)) TASUKI_THROW(DTypeError, "expected  an integral dtype, or bool\nactual    ", dtype);
    if (dtype == bool_ && op >= BitwiseOp::left_shift) TASUKI_THROW(DTypeError, "expected  an integral dtype\nactual    bool");
    if (with_number) {
      detail::check_scalar(dtype, number);
      return Spec::like(in[0]);
    }
    detail::check_same_dtype(in[0], in[1]);
    return detail::broadcast_spec(in[0], in[1], dtype);
  }
  void forward(Launch& l) override {
    const View &a = l.in(0), &out = l.out(0);
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        if (!with_number) return kernels::cpu::bitwise(op, a, l.in(1), out);
        return kernels::cpu::bitwise(op, a, kernels::cpu::ScalarView(number, a.dtype).view(), out);
      default: kernels::not_on(l.device(), info().name);
    }
  }
};

Tensor run(BitwiseOp op, const Tensor& a, const Operand& b) { return detail::apply_with(Bitwise(op, b), a, b); }

}  // namespace

Tensor bitwise_and(const Tensor& a, Operand b) { return run(BitwiseOp::bitwise_and, a, b); }
Tensor bitwise_or(const Tensor& a, Operand b) { return run(BitwiseOp::bitwise_or, a, b); }
Tensor bitwise_xor(const Tensor& a, Operand b) { return run(BitwiseOp::bitwise_xor, a, b); }
Tensor bitwise_left_shift(const Tensor& a, Operand b) { return run(BitwiseOp::left_shift, a, b); }
Tensor bitwise_right_shift(const Tensor& a, Operand b) { return run(BitwiseOp::right_shift, a, b); }
Tensor bitwise_not(const Tensor& x, SourceLocation at) {
  return ops::composed(bitwise_not_info, {&x}, at, [&] {
    if (is_floating(x.dtype())) TASUKI_THROW(DTypeError, "expected  an integral dtype, or bool\nactual    ", x.dtype());
    return bitwise_xor(x, Operand(x.dtype() == bool_ ? 1 : x.dtype() == u8 ? 255 : -1, at));
  });
}

}  // namespace tasuki
