#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// out = index * step, or added to what is there. Numbers below zero count from the end: index is in [-size, size), i64 or i32; out is
/// i64 of the same shape. Any strides. False where a number is outside; out is then undefined.
bool linear_index(const View& index, std::int64_t size, std::int64_t step, const View& out, bool accumulate);

}  // namespace tasuki::kernels::cpu
