#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// y = (or +=) the pairs of x's last dimension, rotated by the angles of their position: x, y [..., T, D], any strides; cos, sin
/// [T, D / 2] dense, in the type x is computed in. `inverse` rotates back, which is the gradient.
void rotary_embedding(const View& x, const View& cos, const View& sin, const View& y, bool interleaved, bool inverse, bool accumulate);

}  // namespace tasuki::kernels::cpu
