#pragma once
#include <cstdint>
#include <optional>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// Throws IndexError that names the first value (row-major) which is neither in [0, bound) nor `ignored`, and its position:
///
///     expected  0 <= label < 10
///     actual    37 at target[5]
///
/// index: i64 or i32, any strides. `what` is what a value is ("label"), `operand` the tensor's name ("target").
void check_indices(const View& index, std::int64_t bound, const char* what, const char* operand,
                   std::optional<std::int64_t> ignored = {});

}  // namespace tasuki::kernels::cpu
