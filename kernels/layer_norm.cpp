#include "kernels/layer_norm.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void layer_norm(const LayerNormForward&))
TASUKI_PER_ISA(void layer_norm_backward(const LayerNormBackward&))

void layer_norm(const LayerNormForward& f) { TASUKI_ON_ISA(layer_norm)(f); }
void layer_norm_backward(const LayerNormBackward& b) { TASUKI_ON_ISA(layer_norm_backward)(b); }

// The weight and bias, and two vectors for each of at most 32 chunks.
std::size_t layer_norm_workspace(const RowLayout& row, DType dtype) {
  return static_cast<std::size_t>(row.weights()) * (2 + 2 * 32) * size_of(accumulate_type(dtype));
}

}  // namespace tasuki::kernels::cpu
