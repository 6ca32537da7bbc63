#pragma once
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/dtype.hpp"

namespace tasuki::kernels::cpu {

/// The largest (smallest) of n >= 1 contiguous elements of a floating dtype; NaN if there is one. With a `position`, where the first
/// such element is.
TASUKI_PER_ISA(double extremum_of_row(DType dtype, const void* x, std::int64_t n, bool largest, std::int64_t* position))
/// positions[i] = where the largest (smallest) of the first i + 1 elements is, the last of equals; the last NaN where there is one.
TASUKI_PER_ISA(void running_extremum_of_row(DType dtype, const void* x, std::int64_t n, bool largest, std::int64_t* positions))

/// How many columns are reduced together.
inline constexpr std::int64_t extremum_columns = 256;
/// For each of at most extremum_columns neighbouring columns the largest (smallest) of `rows` elements that lie `stride` apart, NaN
/// first, and its row: values are f64 for f64, f32 for other floating dtypes.
TASUKI_PER_ISA(void extremum_of_columns(DType dtype, const void* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, bool largest, void* values, std::int64_t* positions))

}  // namespace tasuki::kernels::cpu
