#pragma once
#include "tasuki/core/shape.hpp"
#include "tasuki/runtime/storage.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// Row-major strides, or those with the channel dimension (1) innermost. Channels-last needs 3 to 5 dimensions.
Strides strides_of(const Shape& shape, MemoryFormat format);
/// True when the elements fill a range without gaps or overlap, in some order of the dimensions.
bool is_dense(const Shape& shape, const Strides& strides);
/// Strides for a new dense tensor laid out like x: x's own where it is dense, else row-major.
Strides strides_like(const Tensor& x);
/// True when the strides are those of the format, dimensions of size 1 aside.
bool has_format(const Shape& shape, const Strides& strides, MemoryFormat format);
/// The dimension counted from the front. Throws IndexError unless -ndim <= dim < ndim (a 0-d tensor takes 0 and -1).
int normalize_dim(int dim, int ndim);
/// All dims from the front, each once; none means all.
Dims normalize_dims(const Dims& dims, int ndim);
/// NumPy's broadcast of two shapes. Throws ShapeError.
Shape broadcast_shapes(const Shape& a, const Shape& b);

namespace detail {
/// A new tensor with uninitialized bytes.
Tensor allocate(Device device, const Shape& shape, DType dtype, OwnerClass owner);
Tensor allocate(Device device, const Shape& shape, DType dtype, const Strides& strides, OwnerClass owner);
/// Another description of x's bytes, off the tape.
Tensor alias(const Tensor& x, std::int64_t offset, const Shape& shape, const Strides& strides);
}  // namespace detail

}  // namespace tasuki
