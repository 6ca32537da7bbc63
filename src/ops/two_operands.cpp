#include "src/ops/two_operands.hpp"

#include <cmath>
#include <string>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::detail {

namespace {

/// As it stands in a program: ts::f32, ts::bool_.
std::string constant_of(DType dtype) { return std::string("ts::") + name_of(dtype) + (dtype == DType::boolean ? "_" : ""); }

[[noreturn]] void throw_dtypes_differ(const Tensor& a, const Tensor& b) {
  // The cast that loses less: towards the floating one, or the wider one.
  const bool to_a = is_floating(a.dtype()) != is_floating(b.dtype()) ? is_floating(a.dtype()) : size_of(a.dtype()) >= size_of(b.dtype());
  const DType target = to_a ? a.dtype() : b.dtype();
  TASUKI_THROW(DTypeError, "expected  operands of one dtype\nactual    ", a.dtype(), " and ", b.dtype(), "\ncast the ", to_a ? "second" : "first",
               " with .to(", constant_of(target), ")");
}

}  // namespace

void check_same_dtype(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) [[unlikely]] throw_dtypes_differ(a, b);
}

void check_scalar(DType dtype, double value) {
  if (is_floating(dtype)) return;
  if (!(std::trunc(value) == value) || std::isinf(value))
    TASUKI_THROW(DTypeError, "expected  a whole number beside a tensor of ", dtype, "\nactual    ", value, "\ncast the tensor with .to(ts::f32)");
  double least = 0, greatest = 1;  // bool
  if (dtype == DType::u8) greatest = 255;
  if (dtype == DType::i32) least = -0x1p31, greatest = 0x1p31 - 1;
  if (dtype == DType::i64) least = -0x1p63, greatest = 0x1.fffffffffffffp62;
  if (value < least || value > greatest) TASUKI_THROW(ValueError, "expected  a number that ", dtype, " can hold\nactual    ", value);
}

Spec broadcast_spec(const Tensor& a, const Tensor& b, DType dtype) {
  if (a.shape() == b.shape()) {
    // A dense operand's layout rather than row-major for one with gaps.
    const bool like_b = !a.is_contiguous() && !is_dense(a.shape(), a.strides());
    return Spec::like(like_b ? b : a, dtype);
  }
  const Shape shape = broadcast_shapes(a.shape(), b.shape());
  if (shape == a.shape()) return Spec::like(a, dtype);
  if (shape == b.shape()) return Spec::like(b, dtype);
  return Spec(shape, dtype);
}

Tensor apart_from(const Tensor& target, const Tensor& other, SourceLocation at) {
  const TensorImpl *t = target.impl(), *o = other.impl();
  if (!t || !o || t == o || t->storage != o->storage) return other;
  if (t->offset == o->offset && t->shape == o->shape && t->strides == o->strides) return other;
  return other.clone(at);
}

Tensor zero_beside(const Tensor& x) { return allocate(x.device(), {}, x.dtype(), OwnerClass::temporary).fill_(0, SourceLocation()); }

}  // namespace tasuki::detail
