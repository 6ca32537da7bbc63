#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/recurrent.hpp"
#include "tasuki/core/view.hpp"

/// A recurrent layer in one direction, f32 or f64: matrix products with the state and the kernel of a step, in turn. All operands are
/// row-major; what they are stands in tasuki/ops/recurrent.hpp. Beside f32 the weight may be bf16: what it is multiplied with is rounded
/// to that, and products are summed in f32.
namespace tasuki::cpu {

struct Recurrence {
  kernels::cpu::RecurrentCell cell = kernels::cpu::RecurrentCell::tanh;
  bool reverse = false;
  std::int64_t steps = 0, batch = 0, hidden = 0;
  DType dtype = DType::f32, weight_dtype = DType::f32;
  bool rounds_products() const { return weight_dtype != dtype; }
  std::int64_t gates() const { return kernels::cpu::gates_of(cell) * hidden; }
  std::int64_t kept() const { return kernels::cpu::kept_of(cell) * hidden; }
};

struct RecurrentOperands {
  View products, h, c, weight, bias, lengths;
  View y, h_last, c_last, kept, cells;  ///< kept and cells are absent where no backward will come
  void* workspace;
};
std::size_t recurrent_workspace(const Recurrence& r, bool has_bias);
/// Throws ValueError for lengths outside [0, steps].
void recurrent(const Recurrence& r, const RecurrentOperands& o);

struct RecurrentBackwardOperands {
  View h, c, weight, lengths, y, kept, cells;
  View grad_y, grad_h_last, grad_c_last, grad_kept, grad_cells;      ///< each may be absent
  View grad_products, grad_h, grad_c, grad_weight, grad_bias;        ///< absent where not wanted
  bool add_to_weight, add_to_bias;  ///< a gradient of bf16 is always overwritten
  void* workspace;
};
std::size_t recurrent_backward_workspace(const Recurrence& r);
void recurrent_backward(const Recurrence& r, const RecurrentBackwardOperands& o);

}  // namespace tasuki::cpu
