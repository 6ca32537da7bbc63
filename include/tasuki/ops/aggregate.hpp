#pragma once
#include "tasuki/ops/reduce.hpp"

/// Further reductions over any dimensions, with the conventions of ops/reduce.hpp: `dims` may count from the back, none means all;
/// `keepdim` leaves the reduced dimensions with size 1; strides do not matter; the bits are the same for any number of threads.
/// Errors: IndexError for a dimension out of range or named twice, DTypeError as stated.
namespace tasuki {

/// Product. Of integers and bools an i64 that wraps around; of nothing 1. The gradient is exact where elements are zero. Saves x and
/// the result.
Tensor prod(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor prod(const Tensor& x, const Dims& dims, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// sqrt(var(x)); see var. The gradient where the deviation is 0 is 0.
Tensor std(const Tensor& x, const Dims& dims = {}, const VarOptions& options = {}, SourceLocation at = SourceLocation::current());

/// (sum |x|^p)^(1/p) of the elements as a vector; p = infinity: the largest magnitude, -infinity: the smallest, 0: how many are not
/// 0. Floating dtypes only; sums of halves are rounded once. The gradient is 0 where the norm is, at elements that are 0, and for p = 0. Saves
/// x and the result. Of nothing 0 (p = infinity too; ShapeError for p < 0).
Tensor norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// ln(sum(e^x)) without overflow; floating dtypes only. -infinity of nothing. Saves x and the result.
Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// x / max(norm(x, p) along dim, eps).
struct NormalizeOptions {
  double p = 2;
  int dim = 1;
  double eps = 1e-12;
};
Tensor normalize(const Tensor& x, const NormalizeOptions& options = {}, SourceLocation at = SourceLocation::current());

/// var or std, and the mean; see var.
struct VarMeanResult {
  Tensor var, mean;
};
VarMeanResult var_mean(const Tensor& x, const Dims& dims = {}, const VarOptions& options = {}, SourceLocation at = SourceLocation::current());
struct StdMeanResult {
  Tensor std, mean;
};
StdMeanResult std_mean(const Tensor& x, const Dims& dims = {}, const VarOptions& options = {}, SourceLocation at = SourceLocation::current());

/// amin and amax at once.
struct AminmaxResult {
  Tensor min, max;
};
AminmaxResult aminmax(const Tensor& x, const Dims& dims = {}, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// sum and mean of the elements that are not NaN, floating dtypes only; the mean of none is NaN. Infinities get no gradient of nansum.
Tensor nansum(const Tensor& x, const Dims& dims = {}, bool keepdim = false, SourceLocation at = SourceLocation::current());
Tensor nanmean(const Tensor& x, const Dims& dims = {}, bool keepdim = false, SourceLocation at = SourceLocation::current());

/// How many elements are not zero (i64; NaN is not zero), and whether any or all are not (bool). Any dtype. Not differentiable.
Tensor count_nonzero(const Tensor& x, const Dims& dims = {}, SourceLocation at = SourceLocation::current());
Tensor any(const Tensor& x, const Dims& dims = {}, bool keepdim = false, SourceLocation at = SourceLocation::current());
Tensor all(const Tensor& x, const Dims& dims = {}, bool keepdim = false, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
