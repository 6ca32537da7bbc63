#include "kernels/logsumexp.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void logsumexp(const View&, const View&, int))

void logsumexp(const View& x, const View& y, int dim) { TASUKI_ON_ISA(logsumexp)(x, y, dim); }

}  // namespace tasuki::kernels::cpu
