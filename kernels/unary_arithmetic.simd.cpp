#include "kernels/unary_loops.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

void sign_bits_row(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters) {
  const auto* masks = static_cast<const std::uint16_t*>(parameters);
  const std::uint16_t keep = masks[0], flip = masks[1];
  auto* to = reinterpret_cast<std::uint16_t*>(operands[0]);
  const auto* from = reinterpret_cast<const std::uint16_t*>(operands[1]);
  const auto changed = [&](std::uint16_t bits) { return static_cast<std::uint16_t>((bits & keep) ^ flip); };
  if (strides[0] == 1 && strides[1] == 1) {
    TASUKI_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) to[i] = changed(from[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i * strides[0]] = changed(from[i * strides[1]]);
  }
}

UnaryLoops unary_arithmetic(UnaryOp op, DType dtype) {
  switch (op) {
#include "kernels/unary_arithmetic.inc"
    default: return {};
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
