#pragma once
#include <cstdint>

#include "tasuki/core/dtype.hpp"

/// A time step of a recurrent layer, after its matrix products: gates, states and their gradients, for f32 and f64. Matrices have a
/// row per sample of the batch and no gaps. With `lengths`, a sample that has ended (lengths[b] <= step) keeps its state.
///
/// Memory: each matrix is read or written once.
namespace tasuki::kernels::cpu {

enum class RecurrentCell : std::uint8_t { tanh, relu, lstm, gru };

/// Rows of the weights, in multiples of the hidden size: i f g o of an LSTM, r z n of a GRU.
constexpr std::int64_t gates_of(RecurrentCell cell) { return cell == RecurrentCell::lstm ? 4 : cell == RecurrentCell::gru ? 3 : 1; }
/// What backward wants to see of the gates: i f g o, or r z n and the state's part of n before r. Of a sample that has ended: what makes
/// the formulas of backward pass the gradient of its state on (f, or z, is 1; the others are 0).
constexpr std::int64_t kept_of(RecurrentCell cell) { return cell == RecurrentCell::lstm || cell == RecurrentCell::gru ? 4 : 0; }

struct RecurrentStep {
  RecurrentCell cell;
  DType dtype;
  std::int64_t batch, hidden;
  const std::int64_t* lengths;  // may be null
  std::int64_t step;
};

struct RecurrentForward : RecurrentStep {
  const void *from_input = nullptr, *from_state = nullptr;  ///< [batch, gates * hidden]: the products, with their biases
  void *h = nullptr, *c = nullptr;                          ///< [batch, hidden]: the state, before and after; c of an LSTM alone
  void* y = nullptr;                              ///< h, or 0 where the sample has ended
  void *kept = nullptr, *cells = nullptr;                   ///< for backward, or null: [batch, kept * hidden]; c of an LSTM
};
void recurrent_forward(const RecurrentForward& f);

struct RecurrentBackward : RecurrentStep {
  const void *grad_y = nullptr, *grad_kept = nullptr, *grad_cells = nullptr;   ///< of what forward wrote; each may be null
  const void *y = nullptr, *kept = nullptr, *cells = nullptr;
  const void *h_before = nullptr, *c_before = nullptr;               ///< y and cells of the step before, or null
  std::int64_t step_before = 0;
  const void *h_first = nullptr, *c_first = nullptr;                 ///< the state before all steps
  void *grad_h = nullptr, *grad_c = nullptr;                         ///< in: of the state after; out: of that before, but for what comes through grad_from_state
  void* grad_from_input = nullptr;  ///< may be null, but for a GRU
  void* grad_from_state = nullptr;
  void* h_rows = nullptr;                                  ///< out: the state before, for the weight's gradient
};
void recurrent_backward(const RecurrentBackward& b);

/// sums[j] += the sum of the rows' elements j.
void add_row_sums(DType dtype, const void* rows, std::int64_t count, std::int64_t columns, void* sums);

}  // namespace tasuki::kernels::cpu
