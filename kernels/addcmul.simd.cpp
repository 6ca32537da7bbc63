#include "kernels/addcmul.hpp"

#include "kernels/binary_functors.hpp"
#include "kernels/staged_row.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

using namespace functors::TASUKI_ISA;

DenseLoop add_product_loop(DType dtype) { return loop_for<AddCMul, 3, false>(dtype); }
DenseLoop add_quotient_loop(DType dtype) { return loop_for<AddCDiv, 3, false>(dtype); }
DenseLoop lerp_loop(DType dtype) { return loop_for<Lerp, 3, false>(dtype); }

DenseLoop add_product_grad_loop(DType dtype) { return loop_for<AddCMulGrad, 2, false>(dtype); }
DenseLoop add_quotient_grad_a_loop(DType dtype) { return loop_for<AddCDivGradA, 2, false>(dtype); }
DenseLoop add_quotient_grad_b_loop(DType dtype) { return loop_for<AddCDivGradB, 3, false>(dtype); }

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
