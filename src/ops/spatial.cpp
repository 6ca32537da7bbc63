#include "src/ops/spatial.hpp"

#include <algorithm>

namespace tasuki::ops {

namespace {
/// Larger strides, paddings and kernels mean nothing, and products of them would overflow.
constexpr std::int64_t largest_option = std::int64_t{1} << 30;
}  // namespace

Spatial spatial_option(const char* name, const SpatialInts& given, int dims, std::int64_t missing, std::int64_t least) {
  if (given.count() != 1 && given.count() != dims)
    TASUKI_THROW(ValueError, "expected  ", name, " of one number, or one for each of ", dims, " spatial dimensions\nactual    ", given.to_string());
  Spatial values{missing, missing, missing};
  for (int d = 0; d < dims; ++d) {
    const std::int64_t value = given[d];
    if (value < least || value > largest_option)
      TASUKI_THROW(ValueError, "expected  ", name, value < least ? " of at least " : " of at most ", value < least ? least : largest_option, "\nactual    ",
                   given.to_string());
    values[static_cast<std::size_t>(3 - dims + d)] = value;
  }
  return values;
}

Spatial spatial_sizes(const Shape& x, int dims) {
  Spatial sizes{1, 1, 1};
  std::copy_n(x.begin() + 2, dims, sizes.end() - dims);
  return sizes;
}

Shape image_shape(std::int64_t n, std::int64_t c, const Spatial& sizes, int dims) {
  Shape shape{n, c};
  for (auto size = sizes.end() - dims; size != sizes.end(); ++size) shape.push_back(*size);
  return shape;
}

void check_images(const Tensor& x, int dims) {
  constexpr const char* forms[] = {"[N, C, W]", "[N, C, H, W]", "[N, C, D, H, W]"};
  TASUKI_CHECK(DTypeError, is_floating(x.dtype()), "x is ", x.dtype(), "; cast it with .to(ts::f32)");
  TASUKI_CHECK_OP(ShapeError, x.ndim(), ==, dims + 2, "x is ", forms[dims - 1], "; x.unsqueeze(0) makes a batch of one");
}

}  // namespace tasuki::ops
