#pragma once
#include <cstdint>

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

/// The largest (smallest) of n >= 1 contiguous elements; NaN if there is one.
TASUKI_PER_ISA(float extremum_f32(const float* x, std::int64_t n, bool largest))
TASUKI_PER_ISA(double extremum_f64(const double* x, std::int64_t n, bool largest))
/// The position of the first element equal to `value`, which is among them; of the first NaN when `value` is NaN.
TASUKI_PER_ISA(std::int64_t first_position_f32(const float* x, std::int64_t n, float value))
TASUKI_PER_ISA(std::int64_t first_position_f64(const double* x, std::int64_t n, double value))

}  // namespace tasuki::kernels::cpu
