#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// How many elements of x lie in each of `bins` intervals of equal width between `low` and `high`, which belongs to the last; NaN and
/// what lies outside counts nowhere. Where low == high the range of the data takes their place (which waits for the device). Floating
/// dtypes; counts are in x's dtype, f32 for the halves. Not differentiable. ValueError unless bins >= 1 and low <= high are finite.
Tensor histc(const Tensor& x, std::int64_t bins = 100, double low = 0, double high = 0, SourceLocation at = SourceLocation::current());

/// How much weight (1 each, where `weight` is undefined; else x's shape and dtype) lies between neighbouring edges: an ascending vector of
/// x's dtype, or `bins` intervals of equal width as histc's. The last interval has its upper edge. `density`: divided by the sum and by each
/// interval's width. Floating dtypes; not differentiable.
struct HistogramOptions {
  double low = 0, high = 0;  ///< where there are bins
  Tensor weight{};
  bool density = false;
};
struct HistogramResult {
  Tensor hist, edges;
};
HistogramResult histogram(const Tensor& x, std::int64_t bins = 100, const HistogramOptions& options = {}, SourceLocation at = SourceLocation::current());
HistogramResult histogram(const Tensor& x, const Tensor& edges, const HistogramOptions& options = {}, SourceLocation at = SourceLocation::current());

/// How often each of 0, 1, ... occurs in a vector of indices (i64 or i32, none negative: IndexError), up to the largest or to min_length - 1:
/// i64, or sums of `weight` (floating, one for each). Not differentiable; waits for the device.
Tensor bincount(const Tensor& x, const Tensor& weight = {}, std::int64_t min_length = 0, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
