#include "kernels/rotary_embedding.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void rotary_embedding(const View&, const View&, const View&, const View&, bool, bool, bool))

void rotary_embedding(const View& x, const View& cos, const View& sin, const View& y, bool interleaved, bool inverse, bool accumulate) {
  if (y.numel) TASUKI_ON_ISA(rotary_embedding)(x, cos, sin, y, interleaved, inverse, accumulate);
}

}  // namespace tasuki::kernels::cpu
