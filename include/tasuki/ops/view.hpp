#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Views: tensors that share the elements of another one. Nothing is copied, nothing saved for backward; any dtype. All are
/// differentiable any number of times. Negative dimensions count from the back. Errors: IndexError for a dimension or index out of
/// range, ShapeError for sizes that do not fit. Each is a method of Tensor as well.
namespace tasuki {

/// x[..., index, ...] along `dim`, which goes away. A negative index counts from the end.
Tensor select(const Tensor& x, int dim, std::int64_t index, SourceLocation at = SourceLocation::current());
/// x[..., begin:end:step, ...]; begin and end are clamped and may count from the end, as in Python. step >= 1.
Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end, std::int64_t step = 1, SourceLocation at = SourceLocation::current());
/// `length` entries from `begin`, which must all be there.
Tensor narrow(const Tensor& x, int dim, std::int64_t begin, std::int64_t length, SourceLocation at = SourceLocation::current());
/// The same elements in row-major order under another shape; one size may be -1. A copy where no strides can express it
/// (Tensor::view is the form that throws instead).
Tensor reshape(const Tensor& x, const Shape& shape, SourceLocation at = SourceLocation::current());
/// Dimensions from..to become one.
Tensor flatten(const Tensor& x, int from = 0, int to = -1, SourceLocation at = SourceLocation::current());
Tensor transpose(const Tensor& x, int a, int b, SourceLocation at = SourceLocation::current());
/// Dimension i of the result is dimension order[i] of x.
Tensor permute(const Tensor& x, const Dims& order, SourceLocation at = SourceLocation::current());
/// Dimensions from[k] move to the places to[k]; the others keep their order.
Tensor movedim(const Tensor& x, const Dims& from, const Dims& to, SourceLocation at = SourceLocation::current());
/// Dimension `dim` becomes several of the given sizes, one of which may be -1.
Tensor unflatten(const Tensor& x, int dim, const Shape& sizes, SourceLocation at = SourceLocation::current());
/// Dimensions of size 1 repeated (stride 0) to `shape`, NumPy's broadcast; -1 keeps a size.
Tensor expand(const Tensor& x, const Shape& shape, SourceLocation at = SourceLocation::current());
/// Without its dimensions of size 1; with `dim`, without that one if its size is 1.
Tensor squeeze(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor squeeze(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());
/// With a new dimension of size 1 at `dim`.
Tensor unsqueeze(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());
/// Windows of `size` every `step` along `dim`; the window is the last dimension. The result overlaps itself where step < size.
Tensor unfold(const Tensor& x, int dim, std::int64_t size, std::int64_t step, SourceLocation at = SourceLocation::current());
/// x[..., i, i + offset, ...] of dims dim1 and dim2, as the last dimension.
Tensor diagonal(const Tensor& x, std::int64_t offset = 0, int dim1 = 0, int dim2 = 1, SourceLocation at = SourceLocation::current());


/// Second names that NumPy and PyTorch have for some.
inline Tensor swapaxes(const Tensor& x, int a, int b, SourceLocation at = SourceLocation::current()) { return transpose(x, a, b, at); }
inline Tensor moveaxis(const Tensor& x, const Dims& from, const Dims& to, SourceLocation at = SourceLocation::current()) { return movedim(x, from, to, at); }
inline Tensor broadcast_to(const Tensor& x, const Shape& shape, SourceLocation at = SourceLocation::current()) { return expand(x, shape, at); }
inline Tensor ravel(const Tensor& x, SourceLocation at = SourceLocation::current()) { return flatten(x, 0, -1, at); }

}  // namespace tasuki
