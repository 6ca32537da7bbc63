#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

// Orders of elements along a dimension. Any dtype and strides. NaN counts as larger than everything, 0 and -0 as equal; equal
// elements stay in the order of their positions.

/// indices (i64): the positions of the k smallest (`descending`: largest) elements of each line in order; k is the size of indices
/// along `dim`. Where not `sorted` they come in any fixed order.
void arg_sort(const View& x, int dim, bool descending, bool sorted, const View& indices);
/// The position (i64) of the k-th smallest element, counted from 0, of each line; of the first NaN where there is one and
/// `nan_first`. index has size 1 along `dim`.
void arg_kth(const View& x, int dim, std::int64_t k, bool nan_first, const View& index);

/// out = how many elements of the ascending line are less than (`right`: not greater than) each value. sequence: one line, or one
/// for each row of the last dimension of values; row-major operands of one dtype; out i64.
void search_sorted(const View& sequence, const View& values, bool right, const View& out);

/// Groups of equal elements of a vector, in the order of `order` (its arg_sort). inverse[i]: the group of x[i]; first[g]: a position
/// of a member; counts[g]: how many there are; groups: a single i64.
void unique_groups(const View& x, const View& order, const View& inverse, const View& first, const View& counts, const View& groups);

}  // namespace tasuki::kernels::cpu
