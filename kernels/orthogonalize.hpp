#pragma once
#include <cstdint>

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

/// One-sided Jacobi: rotates the first `rows` rows of `count` columns against each other until all of them are orthogonal, that is
/// until no two have a cosine above `tolerance`; the other rows of the columns, up to `stride`, take the same rotations. Column j
/// begins at columns + j stride; `rows` and `stride` are multiples of 8, which zeros may fill. The same bits on each call.
TASUKI_PER_ISA(void orthogonalize_columns(double* columns, std::int64_t rows, std::int64_t stride, std::int64_t count, double tolerance))

}  // namespace tasuki::kernels::cpu
