#include "kernels/recurrent.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void recurrent_forward(const RecurrentForward&))
TASUKI_PER_ISA(void recurrent_backward(const RecurrentBackward&))
TASUKI_PER_ISA(void add_row_sums(DType, const void*, std::int64_t, std::int64_t, void*))

void recurrent_forward(const RecurrentForward& f) { TASUKI_ON_ISA(recurrent_forward)(f); }
void recurrent_backward(const RecurrentBackward& b) { TASUKI_ON_ISA(recurrent_backward)(b); }
void add_row_sums(DType dtype, const void* rows, std::int64_t count, std::int64_t columns, void* sums) {
  TASUKI_ON_ISA(add_row_sums)(dtype, rows, count, columns, sums);
}

}  // namespace tasuki::kernels::cpu
