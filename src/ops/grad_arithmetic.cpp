#include "tasuki/autograd/grad_arithmetic.hpp"

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki::detail {

Tensor add_gradients(const Tensor& a, const Tensor& b) { return a + Operand(b, SourceLocation()); }

void add_gradient_into(const Tensor& a, const Tensor& b) {
  const NoGrad off;
  a.add_(Operand(b, SourceLocation()));
}

Tensor copy_gradient(const Tensor& source, const Strides& strides) {
  const NoGrad off;
  Tensor copy = allocate(source.device(), source.shape(), source.dtype(), strides, OwnerClass::gradient);
  copy.copy_(source, SourceLocation());
  return copy;
}

void copy_gradient_into(const Tensor& target, const Tensor& source) {
  const NoGrad off;
  target.copy_(source, SourceLocation());
}

Tensor ones_like_gradient(const Tensor& x) {
  const NoGrad off;
  Tensor ones = allocate(x.device(), x.shape(), x.dtype(), strides_like(x), OwnerClass::gradient);
  ones.fill_(1, SourceLocation());
  return ones;
}

}  // namespace tasuki::detail
