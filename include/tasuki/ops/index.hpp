#pragma once
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "tasuki/tensor/tensor.hpp"

/// What stands between the brackets of x[...] in NumPy and PyTorch:
///
///     x.index({0})                                    x[0]
///     x.index({ts::Slice(1, {}), ts::Slice(0, 8, 2)})   x[1:, 0:8:2]
///     x.index({ts::ellipsis, -1, ts::newaxis})        x[..., -1, None]
///     x.index({mask})                                 x[mask]
///     x.index({rows, columns})                        x[rows, columns]
///     y = ts::index_put(x, {mask}, 0);                y = x.clone(); y[mask] = 0
///     x.index_put_({ts::Slice(), 0}, column);         x[:, 0] = column
namespace tasuki {

/// begin:end:step, clamped and from the end where negative, as in Python; what is not given is the whole. step >= 1.
struct Slice {
  std::optional<std::int64_t> begin, end;
  std::int64_t step;
  Slice(std::optional<std::int64_t> from = {}, std::optional<std::int64_t> to = {}, std::int64_t by = 1) : begin(from), end(to), step(by) {}
};
struct Ellipsis {};
struct NewAxis {};
inline constexpr Ellipsis ellipsis{};  ///< as many whole dimensions as the other entries leave
inline constexpr NewAxis newaxis{};    ///< a dimension of size 1

/// One entry of the list.
class Index {
 public:
  enum class Kind : std::uint8_t { number, slice, ellipsis, newaxis, tensor };

  template <class I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
  Index(I number) : kind_(Kind::number), number_(static_cast<std::int64_t>(number)) {}
  Index(const Slice& slice) : kind_(Kind::slice), slice_(slice) {}
  Index(Ellipsis) : kind_(Kind::ellipsis) {}
  Index(NewAxis) : kind_(Kind::newaxis) {}
  /// i64 or i32: numbers of entries, from the end where negative. bool: a mask over as many dimensions as it has.
  Index(const Tensor& tensor) : kind_(Kind::tensor), tensor_(tensor) {}

  Kind kind() const { return kind_; }
  std::int64_t number() const { return number_; }
  const Slice& slice() const { return slice_; }
  const Tensor& tensor() const { return tensor_; }

 private:
  Kind kind_;
  std::int64_t number_ = 0;
  Slice slice_;
  Tensor tensor_;
};

/// x[indices]; any dtype and strides. Dimensions that no entry names stay whole. Numbers, slices, the ellipsis and new axes alone give a
/// view, which shares the elements. Tensors broadcast to one shape, which stands where their dimensions were, or first where these are
/// not neighbours (PyTorch's rule: numbers and tensors without dimensions do not count); the result is then a copy. Differentiable any number of times in x; gradients
/// of repeats add up in their order, for bf16 and f16 in f32. Saves the indices. A mask waits for the device.
///
/// Throws ShapeError for more entries than dimensions and for masks that do not fit, IndexError that names a number out of range and
/// where it stands, DTypeError for tensors of other dtypes, ValueError for a second ellipsis.
Tensor index(const Tensor& x, const std::vector<Index>& indices, SourceLocation at = SourceLocation::current());

/// A copy of x with x[indices] replaced by `values`, which broadcast to its shape and have x's dtype, or with them added to it
/// (`accumulate`; floating dtypes). Of equal indices the last one wins, and all of them get its gradient. Differentiable any number of
/// times in x and values. Throws as index does.
Tensor index_put(const Tensor& x, const std::vector<Index>& indices, Operand values, bool accumulate = false);
/// The same within x's own elements; returns x.
const Tensor& index_put_(const Tensor& x, const std::vector<Index>& indices, Operand values, bool accumulate = false);

}  // namespace tasuki
