#pragma once
#include <cmath>

#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

/// The right operand of an op as its Function holds it: a tensor among the inputs, or a number.
struct Right {
  double number = 0;
  bool is_number = false;
  bool fractional = false;
  explicit Right(const Operand& o) : number(o.scalar()), is_number(!o.tensor()), fractional(!o.is_integral_scalar() && number != std::trunc(number)) {}

  /// Throws DTypeError unless both operands have one dtype, or the number fits the tensor's.
  void check(const Operands& in) const {
    const DType a = in[0].dtype();
    if (is_number) {
      if (fractional && !is_floating(a))
        TASUKI_THROW(DTypeError, "expected  a whole number beside a tensor of ", a, "\nactual    ", number, "\ncast the tensor: .to(ts::f32)");
    } else if (in[1].dtype() != a) {
      const DType wider = is_floating(in[1].dtype()) || !is_floating(a) ? in[1].dtype() : a;
      TASUKI_THROW(DTypeError, "expected  operands of one dtype\nactual    ", a, " and ", in[1].dtype(), "\ncast one of them: .to(ts::", name_of(wider),
                   wider == bool_ ? "_)" : ")");
    }
  }
};

/// A zero that broadcasts beside x.
inline Tensor zero_beside(const Tensor& x) {
  return detail::allocate(x.device(), {}, x.dtype(), OwnerClass::temporary).fill_(0, SourceLocation());
}

/// Runs an op on a and, where it is a tensor, b.
template <class F>
Tensor apply_with(F op, const Tensor& a, const Operand& b) {
  return b.tensor() ? apply(std::move(op), {&a, b.tensor()}, b.at()) : apply(std::move(op), {&a}, b.at());
}

}  // namespace tasuki
