#pragma once
#include <vector>

#include "tasuki/tensor/tensor.hpp"

/// Elements in other places: flipped, rolled, repeated, cut apart. Any dtype and strides. Nothing is saved for backward; all
/// are differentiable any number of times and deterministic. Negative dimensions count from the back. Errors: IndexError for a
/// dimension out of range, ShapeError for sizes that do not fit.
namespace tasuki {

/// The given dimensions backward.
Tensor flip(const Tensor& x, const Dims& dims, SourceLocation at = SourceLocation::current());
/// Elements move by shifts[k] along dims[k]; those that leave come in at the other end. Without dims: of the row-major order.
Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims = {}, SourceLocation at = SourceLocation::current());
/// Dimension d of the result is x's dimension d, repeats[d] times over; x gets dimensions of size 1 in front where repeats has more.
Tensor repeat(const Tensor& x, const Dims& repeats, SourceLocation at = SourceLocation::current());
/// As repeat, where fewer repeats than dimensions stand for the last ones.
Tensor tile(const Tensor& x, const Dims& repeats, SourceLocation at = SourceLocation::current());
/// Each element along `dim` repeats[i] times in a row, or `repeats` times (repeats: i64 or i32, one for each index; waits for the device).
Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, int dim, SourceLocation at = SourceLocation::current());
Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, int dim, SourceLocation at = SourceLocation::current());
/// Turned by k quarters from the first of two dimensions towards the second.
Tensor rot90(const Tensor& x, int k = 1, const Dims& dims = {0, 1}, SourceLocation at = SourceLocation::current());
/// Rows backward, of matrices or more dimensions, and the order of the first dimension.
Tensor fliplr(const Tensor& x, SourceLocation at = SourceLocation::current());
Tensor flipud(const Tensor& x, SourceLocation at = SourceLocation::current());
/// Differences of neighbours along `dim`, n times over; the dimension shrinks by n. Number dtypes.
Tensor diff(const Tensor& x, std::int64_t n = 1, int dim = -1, SourceLocation at = SourceLocation::current());
/// Of each matrix of the last two dimensions the elements on and below (above) the diagonal j - i = offset; zeros elsewhere.
Tensor tril(const Tensor& x, std::int64_t offset = 0, SourceLocation at = SourceLocation::current());
Tensor triu(const Tensor& x, std::int64_t offset = 0, SourceLocation at = SourceLocation::current());

/// [..., C r^2, H, W] to [..., C, H r, W r], each r x r block from the channels of a pixel; and back.
Tensor pixel_shuffle(const Tensor& x, std::int64_t upscale, SourceLocation at = SourceLocation::current());
Tensor pixel_unshuffle(const Tensor& x, std::int64_t downscale, SourceLocation at = SourceLocation::current());

/// x [N, C, ...] with channel j of group i of C / groups channels at place j groups + i.
Tensor channel_shuffle(const Tensor& x, std::int64_t groups, SourceLocation at = SourceLocation::current());

/// Views of consecutive parts along `dim`: of `size` each, the last one perhaps smaller; of the given sizes, which cover the dimension;
/// `count` parts of about one size (fewer where the dimension has not enough).
std::vector<Tensor> split(const Tensor& x, std::int64_t size, int dim = 0, SourceLocation at = SourceLocation::current());
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int dim = 0, SourceLocation at = SourceLocation::current());
std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, int dim = 0, SourceLocation at = SourceLocation::current());
/// Views of each index along `dim`, which goes away.
std::vector<Tensor> unbind(const Tensor& x, int dim = 0, SourceLocation at = SourceLocation::current());
/// Views of n vectors (or 0-d tensors) as grids of their lengths: result k varies along dimension k ("ij"; swap the first two for "xy").
std::vector<Tensor> meshgrid(const std::vector<Tensor>& axes, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
