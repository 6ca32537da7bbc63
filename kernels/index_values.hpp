#pragma once
#include <cstdint>

#include "kernels/math.hpp"
#include "tasuki/core/dtype.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

/// Elements of an i64 or i32 array by offset.
struct IndexValues {
  const void* data;
  bool wide;
  explicit IndexValues(const View& v) : data(v.data), wide(v.dtype == DType::i64) {}
  std::int64_t operator[](std::int64_t i) const {
    return wide ? static_cast<const std::int64_t*>(data)[i] : static_cast<const std::int32_t*>(data)[i];
  }
};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
