#pragma once
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/dtype.hpp"

namespace tasuki::kernels::cpu {

/// The largest (smallest) of n >= 1 contiguous elements; NaN if there is one.
TASUKI_PER_ISA(float extremum_f32(const float* x, std::int64_t n, bool largest))
TASUKI_PER_ISA(double extremum_f64(const double* x, std::int64_t n, bool largest))
/// The position of the first element equal to `value`, which is among them; of the first NaN when `value` is NaN.
TASUKI_PER_ISA(std::int64_t first_position_f32(const float* x, std::int64_t n, float value))
TASUKI_PER_ISA(std::int64_t first_position_f64(const double* x, std::int64_t n, double value))
/// The same of bf16 and f16, as f32.
TASUKI_PER_ISA(float extremum_half(DType dtype, const void* x, std::int64_t n, bool largest))
TASUKI_PER_ISA(std::int64_t first_position_half(DType dtype, const void* x, std::int64_t n, float value))

/// How many columns are reduced together.
inline constexpr std::int64_t extremum_columns = 256;
/// For each of at most extremum_columns neighbouring columns the largest (smallest) of `rows` elements that lie `stride` apart, NaN
/// first, and its row: values are f64 for f64, f32 for other floating dtypes.
TASUKI_PER_ISA(void extremum_of_columns(DType dtype, const void* x, std::int64_t rows, std::int64_t stride, std::int64_t columns, bool largest, void* values, std::int64_t* positions))

}  // namespace tasuki::kernels::cpu
