#pragma once
#include <array>
#include <cstdint>

#include "tasuki/core/error.hpp"
#include "tasuki/ops/spatial.hpp"
#include "tasuki/tensor/tensor.hpp"

/// What convolutions and poolings share. They all compute on depth, height and width; where an operand has fewer spatial dimensions,
/// the outer ones have size 1, kernel 1 and stride 1.
namespace tasuki::ops {

using Spatial = std::array<std::int64_t, 3>;

/// The option `name` for each dimension, `missing` for those that the op does not have. Throws ValueError unless every number is at
/// least `least`.
Spatial spatial_option(const char* name, const SpatialInts& given, int dims, std::int64_t missing, std::int64_t least);
/// The spatial sizes of x [N, C, sizes...].
Spatial spatial_sizes(const Shape& x, int dims);
/// [n, c, sizes...] with the last `dims` of the sizes.
Shape image_shape(std::int64_t n, std::int64_t c, const Spatial& sizes, int dims);
/// Throws unless x is floating and [N, C, sizes...].
void check_images(const Tensor& x, int dims);

}  // namespace tasuki::ops
