#pragma once
#include <cstdint>
#include <vector>

#include "tasuki/tensor/tensor.hpp"

/// Orders along a dimension. Any dtype and strides. NaN counts as larger than everything; equal elements keep their order, so that
/// results are the same everywhere. Values are differentiable any number of times: gradients go to the elements that were picked;
/// saves their indices. Errors: IndexError for a dimension out of range, ValueError as stated.
namespace tasuki {

/// Elements with their positions (i64) along the dimension.
struct SortResult {
  Tensor values, indices;
};
SortResult sort(const Tensor& x, int dim = -1, bool descending = false, SourceLocation at = SourceLocation::current());
Tensor argsort(const Tensor& x, int dim = -1, bool descending = false, SourceLocation at = SourceLocation::current());

/// The k largest (or smallest) elements of each line, in order unless `sorted` is false. ValueError unless 0 <= k <= the size.
struct TopkOptions {
  bool largest = true, sorted = true;
};
SortResult topk(const Tensor& x, std::int64_t k, int dim = -1, const TopkOptions& options = {}, SourceLocation at = SourceLocation::current());

/// The k-th smallest element, counted from 1. ValueError unless there is one.
SortResult kthvalue(const Tensor& x, std::int64_t k, int dim = -1, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// The middle element, the lower of two; NaN if there is one. Without a dimension: of all. ShapeError of nothing.
Tensor median(const Tensor& x, SourceLocation at = SourceLocation::current());
SortResult median(const Tensor& x, int dim, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// What a quantile that lies between two elements is: a mixture, one of the two, their middle, or the nearer one (of two that are
/// equally near the one of even rank).
enum class QuantileInterpolation : std::uint8_t { linear, lower, higher, midpoint, nearest };

/// The value below which the fraction q of the elements lies; NaN if there is one. Floating dtypes. A list
/// of fractions gives a new first dimension. Without a dimension: of all. ValueError unless 0 <= q <= 1, ShapeError of nothing.
Tensor quantile(const Tensor& x, double q, SourceLocation at = SourceLocation::current());
Tensor quantile(const Tensor& x, double q, int dim, bool keepdim = false, QuantileInterpolation interpolation = QuantileInterpolation::linear,
                SourceLocation at = SourceLocation::current());
Tensor quantile(const Tensor& x, const std::vector<double>& q, int dim, bool keepdim = false,
                QuantileInterpolation interpolation = QuantileInterpolation::linear, SourceLocation at = SourceLocation::current());

/// Where each value belongs in an ascending sequence: how many of its elements are less, or with `right` not greater (i64). sequence: a
/// vector, or a row for each row of the last dimension of values. Not differentiable. Throws ShapeError, DTypeError when the two differ.
Tensor searchsorted(const Tensor& sequence, const Tensor& values, bool right = false, SourceLocation at = SourceLocation::current());

/// searchsorted with the ascending vector second: which interval between boundaries each value lies in.
Tensor bucketize(const Tensor& values, const Tensor& boundaries, bool right = false, SourceLocation at = SourceLocation::current());

/// The different elements in ascending order, the position in them of each of x's (with x's shape), and how often they occur; i64.
/// Every NaN is one of its own. Not differentiable. Waits for the device. Of the elements alone: not of slices along a dimension.
struct UniqueResult {
  Tensor values, inverse, counts;
};
UniqueResult unique(const Tensor& x, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
