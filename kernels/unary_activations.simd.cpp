#include "kernels/unary_loops.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

UnaryLoops unary_activations(UnaryOp op, DType dtype) {
  switch (op) {
#include "kernels/unary_activations.inc"
    default: return {};
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
