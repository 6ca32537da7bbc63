#pragma once
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// What the backward kernels of all normalizations y = (x - mean) * inv_std * weight + bias take.
struct NormBackward {
  View grad_y, x, weight, mean, inv_std;  ///< weight may be absent
  View grad_x, grad_weight, grad_bias;    ///< each absent where it is not wanted
  bool add_to_x = false, add_to_weight = false, add_to_bias = false;
  void* workspace = nullptr;
};

}  // namespace tasuki::kernels::cpu
