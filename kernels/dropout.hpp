#pragma once
#include <cstdint>

#include "tasuki/core/philox.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// y_i = 0 where word i of the random stream is below bernoulli_threshold(p), else x_i / (1 - p); i is the row-major position, so the mask
/// does not depend on the layout. Written, or added to y. Equal shapes and floating dtypes, any strides. With `kept`, for row-major x
/// and y: bit i tells what stays.
void dropout(const View& x, const View& y, double p, PhiloxState state, bool accumulate, std::uint8_t* kept = nullptr);
/// The same by the bits; x and y are row-major.
void dropout_by_bits(const View& x, const std::uint8_t* kept, const View& y, double p, bool accumulate);
/// Bytes that the bits of so many elements take: whole tiles of the stream.
std::int64_t dropout_bit_bytes(std::int64_t elements);

}  // namespace tasuki::kernels::cpu
