#pragma once
#include "tasuki/core/dtype.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

/// Calls f with a value of the C++ type of a floating dtype. The dtype was checked before.
template <class F>
[[gnu::always_inline]] inline void visit_floating(DType dtype, F f) {
  switch (dtype) {
    case DType::f32: return f(float{});
    case DType::f64: return f(double{});
    case DType::bf16: return f(bfloat16{});
    default: return f(float16{});
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
