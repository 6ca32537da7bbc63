#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// One dimension of a separable linear map: output i is the sum of weight[t] * x[index[t]] over t in [begin[i], begin[i + 1]).
/// The transposed map is a table of the same form, so that one kernel serves an interpolation and its gradient.
struct AxisTaps {
  const std::int32_t* begin = nullptr;
  const std::int32_t* index = nullptr;
  const double* weight = nullptr;
  const float* weight_f32 = nullptr;
};

/// y = (or +=) x resampled along the last three dimensions. x and y: [n, c, d, h, w] of one floating dtype, any strides.
/// Row-major images are mixed row by row in a buffer and then along the row; channels-last ones channel vector by channel vector.
void resample(const View& x, const View& y, const AxisTaps (&axes)[3], bool accumulate, void* workspace);

/// Scratch bytes of resample, and of its transposed.
std::size_t resample_workspace(std::int64_t width_in, std::int64_t width_out, DType dtype);

}  // namespace tasuki::kernels::cpu
