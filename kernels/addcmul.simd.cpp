#include "kernels/addcmul.hpp"

#include "kernels/binary_functors.hpp"
#include "kernels/staged_row.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

using namespace functors::TASUKI_ISA;

DenseLoop add_product_loop(DType dtype) { return loop_for<AddCMul, 3, false>(dtype); }
DenseLoop add_quotient_loop(DType dtype) { return loop_for<AddCDiv, 3, false>(dtype); }
DenseLoop lerp_loop(DType dtype) { return loop_for<Lerp, 3, false>(dtype); }

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
