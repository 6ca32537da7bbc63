#include "tasuki/tensor/tensor.hpp"

#include <cmath>
#include <cstring>

#include "src/core/annotated.hpp"
#include "src/runtime/pins.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

/// Apart from defined(), which is inlined into every accessor.
[[noreturn, gnu::noinline]] void throw_undefined() { TASUKI_THROW(ValueError, "the tensor is undefined: it was default-constructed or moved from"); }

const TensorImpl& defined(const Tensor& t) {
  if (!t.defined()) [[unlikely]] throw_undefined();
  return *t.impl();
}

}  // namespace

void Tensor::retain(TensorImpl* impl) noexcept { impl->retain(); }
void Tensor::release(TensorImpl* impl) noexcept { impl->release(); }

const Shape& Tensor::shape() const { return tasuki::defined(*this).shape; }
const Strides& Tensor::strides() const { return tasuki::defined(*this).strides; }
std::int64_t Tensor::size(int dim) const {
  const Shape& shape = tasuki::defined(*this).shape;
  const int ndim = shape.ndim(), position = dim < 0 ? dim + ndim : dim;
  if (position >= 0 && position < ndim) return shape[position];
  return normalize_dim(dim, ndim), 1;  // throws, unless the tensor has no dimensions: then it counts as one element
}
std::int64_t Tensor::stride(int dim) const {
  const TensorImpl& t = tasuki::defined(*this);
  return t.shape.empty() ? (normalize_dim(dim, 0), 1) : t.strides[normalize_dim(dim, t.shape.ndim())];
}
int Tensor::ndim() const { return tasuki::defined(*this).shape.ndim(); }
std::int64_t Tensor::numel() const { return tasuki::defined(*this).numel; }
DType Tensor::dtype() const { return tasuki::defined(*this).dtype; }
Device Tensor::device() const { return tasuki::defined(*this).storage->device(); }
bool Tensor::is_contiguous(MemoryFormat format) const {
  const TensorImpl& t = tasuki::defined(*this);
  return format == MemoryFormat::contiguous ? t.contiguous : has_format(t.shape, t.strides, format);
}
std::uint32_t Tensor::version() const { return tasuki::defined(*this).storage->version(); }
Storage& Tensor::storage() const { return *tasuki::defined(*this).storage; }
std::int64_t Tensor::storage_offset() const { return tasuki::defined(*this).offset; }
bool Tensor::shares_storage(const Tensor& o) const {
  return defined() && o.defined() && impl_->storage == o.impl_->storage;
}

std::string Tensor::describe() const {
  if (!defined()) return "undefined";
  return name_of(dtype()) + shape().to_string() + " " + device().to_string();
}

namespace {

template <class F>
double element_as_double(const void* p, DType d, F&& integral) {
  switch (d) {
    case DType::f32: return *static_cast<const float*>(p);
    case DType::f64: return *static_cast<const double*>(p);
    case DType::bf16: return static_cast<float>(*static_cast<const bfloat16*>(p));
    case DType::f16: return static_cast<float>(*static_cast<const float16*>(p));
    case DType::i64: return integral(*static_cast<const std::int64_t*>(p));
    case DType::i32: return integral(*static_cast<const std::int32_t*>(p));
    case DType::u8:
    case DType::boolean: return integral(*static_cast<const std::uint8_t*>(p));
  }
  return 0;
}

}  // namespace

void Tensor::item_into(void* value, DType as, At at) const {
  const TensorImpl& t = tasuki::defined(*this);
  const auto refuse = [&](auto error) { tasuki::refuse(std::move(error), "item", at, "x: " + describe()); };
  if (t.numel != 1) refuse(ShapeError(detail::concat({"expected  a tensor of one element\nactual    ", t.numel, " elements\nuse to_vector, or index it first"})));
  Pins pins;
  pins.add(*t.storage);
  unsigned char element[8];
  t.storage->runtime().copy_async(element, t.address(), size_of(t.dtype), DeviceRuntime::CopyKind::device_to_host);
  t.storage->runtime().synchronize();
  std::int64_t whole = 0;
  const double real = element_as_double(element, t.dtype, [&](std::int64_t v) {
    whole = v;
    return static_cast<double>(v);
  });
  const bool floating = is_floating(t.dtype);
  const auto put = [&](auto v) { std::memcpy(value, &v, sizeof v); };
  const auto narrow = [&](std::int64_t lowest, std::int64_t highest) {
    if (floating)
      refuse(DTypeError(detail::concat({"expected  item<float>() or item<double>() of a ", t.dtype, " tensor\nactual    item of an integer type\ncast first: .to(ts::i64).item<std::int64_t>()"})));
    if (whole < lowest || whole > highest) refuse(ValueError(detail::concat({"the value ", whole, " does not fit ", as})));
    return whole;
  };
  switch (as) {
    case DType::f32: return put(floating ? static_cast<float>(real) : static_cast<float>(whole));
    case DType::f64: return put(floating ? real : static_cast<double>(whole));
    case DType::bf16: return put(bfloat16(static_cast<float>(real)));
    case DType::f16: return put(float16(static_cast<float>(real)));
    case DType::i64: return put(narrow(INT64_MIN, INT64_MAX));
    case DType::i32: return put(static_cast<std::int32_t>(narrow(INT32_MIN, INT32_MAX)));
    case DType::u8: return put(static_cast<std::uint8_t>(narrow(0, 255)));
    case DType::boolean: return put(narrow(0, 1) != 0);
  }
}

void Tensor::copy_to_host(void* values, DType as, At at) const {
  const TensorImpl& t = tasuki::defined(*this);
  if (as != t.dtype)
    refuse(DTypeError(detail::concat({"expected  the C++ type of ", t.dtype, "\nactual    that of ", as, "\ncast first: .to(ts::", name_of(as), as == DType::boolean ? "_" : "", ")"})), "to_vector", at,
           "x: " + describe());
  const Tensor dense = detach().contiguous();
  const TensorImpl& d = *dense.impl();
  Pins pins;
  pins.add(*d.storage);
  DeviceRuntime& runtime = d.storage->runtime();
  runtime.copy_async(values, d.address(), nbytes(), DeviceRuntime::CopyKind::device_to_host);
  runtime.synchronize();
}

void* Tensor::pin_data(DType as, bool writable, At at) const {
  const TensorImpl& t = tasuki::defined(*this);
  const auto refuse = [&](auto error) { tasuki::refuse(std::move(error), "data", at, "x: " + describe()); };
  if (!device().is_cpu()) refuse(DeviceError("expected  a CPU tensor\nactual    one on " + device().to_string() + "\ncopy it first: .cpu()"));
  if (as != t.dtype) refuse(DTypeError(detail::concat({"expected  the C++ type of ", t.dtype, "\nactual    that of ", as})));
  if (!t.contiguous) refuse(ShapeError(detail::concat({"expected  contiguous elements\nactual    strides ", t.strides, "\nuse .contiguous() first"})));
  if (ResidencyManager* manager = t.storage->runtime().manager()) manager->pin(*t.storage, writable);
  else t.storage->hold();
  if (writable) t.storage->mark_written(nullptr);
  return t.address();
}

void Tensor::unpin_data(TensorImpl* t) noexcept { t->storage->let_move(); }

}  // namespace tasuki
