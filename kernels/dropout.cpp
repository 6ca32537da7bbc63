#include "kernels/dropout.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void dropout(const View&, const View&, double, PhiloxState, bool))

void dropout(const View& x, const View& y, double p, PhiloxState state, bool accumulate) {
  TASUKI_ON_ISA(dropout)(x, y, p, state, accumulate);
}

}  // namespace tasuki::kernels::cpu
