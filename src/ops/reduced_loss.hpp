#pragma once
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/reduction.hpp"

namespace tasuki::ops {

/// The losses of elements or samples, reduced as asked.
inline Tensor reduced(const Tensor& losses, Reduction reduction, SourceLocation at) {
  return reduction == Reduction::mean ? mean(losses, at) : reduction == Reduction::sum ? sum(losses, at) : losses;
}

}  // namespace tasuki::ops
