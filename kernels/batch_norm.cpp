#include "kernels/batch_norm.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void batch_norm(const BatchNormForward&))
TASUKI_PER_ISA(void batch_norm_backward(const BatchNormBackward&))

void batch_norm(const BatchNormForward& f) { TASUKI_ON_ISA(batch_norm)(f); }
void batch_norm_backward(const BatchNormBackward& b) { TASUKI_ON_ISA(batch_norm_backward)(b); }

// Four vectors per channel, and two for each of at most 32 chunks.
std::size_t batch_norm_workspace(std::int64_t channels, DType dtype) {
  return static_cast<std::size_t>(channels) * (4 + 2 * 32) * size_of(accumulate_type(dtype));
}

}  // namespace tasuki::kernels::cpu
