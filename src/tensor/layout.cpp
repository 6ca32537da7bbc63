#include "tasuki/tensor/layout.hpp"

#include <algorithm>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

Strides strides_of(const Shape& shape, MemoryFormat format) {
  if (format == MemoryFormat::contiguous) return contiguous_strides(shape);
  const int n = shape.ndim();
  if (n < 3 || n > 5)
    TASUKI_THROW(ShapeError, "channels_last is a format of tensors [N, C, W], [N, C, H, W] or [N, C, D, H, W], not of ", shape);
  Strides strides = Shape::filled(n, 1);
  std::int64_t step = std::max<std::int64_t>(shape[1], 1);
  for (int i = n - 1; i >= 2; --i) {
    strides[i] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  strides[0] = step;
  return strides;
}

bool is_dense(const Shape& shape, const Strides& strides) {
  std::int64_t sizes[max_dims], steps[max_dims];
  int n = 0;
  for (int i = 0; i < shape.ndim(); ++i) {
    if (shape[i] == 0) return true;
    if (shape[i] == 1) continue;
    int at = n++;
    for (; at > 0 && steps[at - 1] > strides[i]; --at) {
      steps[at] = steps[at - 1];
      sizes[at] = sizes[at - 1];
    }
    steps[at] = strides[i];
    sizes[at] = shape[i];
  }
  std::int64_t expected = 1;
  for (int i = 0; i < n; ++i) {
    if (steps[i] != expected) return false;
    expected *= sizes[i];
  }
  return true;
}

Strides strides_like(const Tensor& x) {
  const TensorImpl& t = *x.impl();
  return t.contiguous || !is_dense(t.shape, t.strides) ? contiguous_strides(t.shape) : t.strides;
}

bool has_format(const Shape& shape, const Strides& strides, MemoryFormat format) {
  if (format == MemoryFormat::channels_last && (shape.ndim() < 3 || shape.ndim() > 5)) return false;
  if (shape.numel() == 0) return true;
  const Strides wanted = strides_of(shape, format);
  for (int i = 0; i < shape.ndim(); ++i)
    if (shape[i] != 1 && strides[i] != wanted[i]) return false;
  return true;
}

int normalize_dim(int dim, int ndim) {
  const int bound = std::max(ndim, 1);
  if (dim < -bound || dim >= bound)
    TASUKI_THROW(IndexError, "expected  ", -bound, " <= dim < ", bound, " for a tensor of ", ndim, " dimensions\nactual    dim = ", dim);
  return dim < 0 ? dim + bound : dim;
}

Dims normalize_dims(const Dims& dims, int ndim) {
  Dims result;
  if (dims.empty()) {
    for (int i = 0; i < ndim; ++i) result.push_back(i);
    return result;
  }
  for (const std::int64_t d : dims) {
    const int dim = normalize_dim(static_cast<int>(d), ndim);
    if (std::find(result.begin(), result.end(), dim) != result.end())
      TASUKI_THROW(IndexError, "expected  each dimension once\nactual    dims = ", dims);
    if (ndim > 0) result.push_back(dim);
  }
  return result;
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  if (a == b) return a;
  const int n = std::max(a.ndim(), b.ndim());
  Shape result = Shape::filled(n, 1);
  for (int i = 1; i <= n; ++i) {
    const std::int64_t p = i <= a.ndim() ? a[a.ndim() - i] : 1, q = i <= b.ndim() ? b[b.ndim() - i] : 1;
    if (p != q && p != 1 && q != 1)
      TASUKI_THROW(ShapeError, "expected  shapes that broadcast: counted from the last, each pair of sizes equal or one of them 1\nactual    ", a, " and ",
                   b, ": ", p, " against ", q, " in dimension ", -i);
    result[n - i] = p == 1 ? q : p;
  }
  return result;
}

namespace detail {

Tensor allocate(Device device, const Shape& shape, DType dtype, OwnerClass owner) {
  return allocate(device, shape, dtype, contiguous_strides(shape), owner);
}

Tensor allocate(Device device, const Shape& shape, DType dtype, const Strides& strides, OwnerClass owner) {
  std::size_t bytes = size_of(dtype);
  for (const std::int64_t n : shape) {
    if (n < 0) TASUKI_THROW(ShapeError, "expected  sizes of at least 0\nactual    shape ", shape);
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(n), &bytes))
      TASUKI_THROW(ShapeError, "expected  a size in bytes that fits 64 bits\nactual    ", name_of(dtype), shape);
  }
  return Tensor::adopt(TensorImpl::create(Storage::allocate(runtime_of(device), bytes, owner), 0, dtype, shape, strides));
}

Tensor alias(const Tensor& x, std::int64_t offset, const Shape& shape, const Strides& strides) {
  const TensorImpl& t = *x.impl();
  t.storage->retain();
  t.storage->retain_bytes();
  return Tensor::adopt(TensorImpl::create(t.storage, offset, t.dtype, shape, strides));
}

}  // namespace detail
}  // namespace tasuki
