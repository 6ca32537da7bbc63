#pragma once
#include <cstdint>

#include "tasuki/tensor/tensor.hpp"

/// Recurrent layers, one direction at a time (ts::nn::RNN, LSTM and GRU stack them). With
///
///     a = x_t input^T + input_bias,  s = h state^T + state_bias
///
/// and the gates' rows of the weights in PyTorch's order:
///
///     rnn    h' = tanh(a + s), or relu
///     lstm   i f g o = sigmoid, sigmoid, tanh, sigmoid of the quarters of a + s;  c' = f c + i g,  h' = o tanh(c')
///     gru    r z = sigmoid of the first thirds of a + s;  n = tanh(a_n + r s_n),  h' = (1 - z) n + z h
///
/// x [T, B, I]; the state h [B, H], zeros where undefined; weights [G H, I] and [G H, H] with G = 1, 4 or 3. The products of the input
/// are one matrix product for the whole layer; each step is a product with the state and one kernel, backward too, where the weights'
/// gradients are products over many steps. f32 and f64; bf16 and f16 are computed in f32 and rounded at the end. Where the processor
/// multiplies bf16, what is multiplied with weights of bf16 (the state too) is rounded to it; sums and gates stay in f32.
///
/// Saved for backward: y, the states before, the state's weight, the gates after their nonlinearities (of lstm and gru), c_t (of lstm).
/// Differentiable any number of times. Deterministic. Errors: ShapeError, DTypeError; ValueError for lengths outside [0, T].
namespace tasuki {

struct RecurrentWeights {
  Tensor input, state;            ///< [G H, I], [G H, H]
  Tensor input_bias, state_bias;  ///< [G H] each, or undefined
};

struct RecurrentOptions {
  bool reverse = false;  ///< from the last step to the first
  /// i64 [B]: sample b ends after lengths[b] steps. Its y is zero from there on, its last state that of its last step; a reverse layer
  /// begins there. The same as PyTorch's packed sequences.
  Tensor lengths{};
};

enum class RecurrentActivation : std::uint8_t { tanh, relu };

struct RnnResult {
  Tensor y;  ///< [T, B, H]: h after each step
  Tensor h;  ///< [B, H]: after the last one
};
struct LstmResult {
  Tensor y, h, c;
};
struct LstmCellResult {
  Tensor h, c;
};

RnnResult rnn(const Tensor& x, const Tensor& h, const RecurrentWeights& weights, RecurrentActivation activation = RecurrentActivation::tanh,
              const RecurrentOptions& options = {}, SourceLocation at = SourceLocation::current());
LstmResult lstm(const Tensor& x, const Tensor& h, const Tensor& c, const RecurrentWeights& weights, const RecurrentOptions& options = {},
                SourceLocation at = SourceLocation::current());
RnnResult gru(const Tensor& x, const Tensor& h, const RecurrentWeights& weights, const RecurrentOptions& options = {},
              SourceLocation at = SourceLocation::current());

/// One step: x [B, I].
Tensor rnn_cell(const Tensor& x, const Tensor& h, const RecurrentWeights& weights, RecurrentActivation activation = RecurrentActivation::tanh,
                SourceLocation at = SourceLocation::current());
LstmCellResult lstm_cell(const Tensor& x, const Tensor& h, const Tensor& c, const RecurrentWeights& weights, SourceLocation at = SourceLocation::current());
Tensor gru_cell(const Tensor& x, const Tensor& h, const RecurrentWeights& weights, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
