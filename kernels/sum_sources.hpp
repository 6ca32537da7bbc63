#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/dtype.hpp"

namespace tasuki::kernels::cpu {

/// The type that sums of this type are kept in: f32 for bf16 and f16, else the type itself.
inline DType sum_type(DType dtype) { return dtype == bf16 || dtype == f16 ? f32 : dtype; }

/// Every destination[i] = ((sources[0][i] + sources[1][i]) + sources[2][i]) + ..., summed in sum_type and rounded once. f32, f64, bf16,
/// f16, i64, i32; dense. Destinations may be sources.
void sum_sources(const void* const* sources, std::size_t source_count, std::int64_t count, DType dtype, void* const* destinations, std::size_t destination_count);
/// The same into one destination of sum_type.
void sum_sources_wide(const void* const* sources, std::size_t source_count, std::int64_t count, DType dtype, void* sum);
/// Back from sum_type, rounded to the nearest.
void round_sum(const void* sum, std::int64_t count, DType dtype, void* data);

TASUKI_PER_ISA(void sum_dense(const void* const* sources, std::size_t source_count, std::int64_t count, DType dtype, void* const* destinations, std::size_t destination_count, bool rounded))

}  // namespace tasuki::kernels::cpu
