#pragma once
#include "src/cpu/recurrent.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::ops {

/// What backward of a recurrent layer reads; gradients may be undefined.
struct RecurrentRecord {
  Tensor h, c, weight, lengths, y, kept, cells;
  Tensor grad_y, grad_h, grad_c, grad_kept, grad_cells;
};
struct RecurrentGradients {
  Tensor products, h, c, weight, bias;
};

/// Backpropagation through time in ops, for backward passes that are themselves recorded.
RecurrentGradients recurrent_gradients(const cpu::Recurrence& sizes, const RecurrentRecord& record);

}  // namespace tasuki::ops
