#include "tasuki/ops/recurrent.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/dispatch.hpp"
#include "src/cpu/gemm.hpp"
#include "src/cpu/recurrent.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/linear_in_f32.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/recurrent_graph.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using cpu::Recurrence;
using Cell = kernels::cpu::RecurrentCell;

/// All steps of one direction, from the products of the input on. The gates and cells that it keeps count as outputs: where backward is
/// recorded, gradients come in for them.
struct Recurrent final : Function {
  enum Operand { products_, h_, c_, weight_, bias_, lengths_ };
  Cell cell;
  bool reverse;
  Recurrence sizes;
  Recurrent(Cell k, bool r) : cell(k), reverse(r) {}

  static constexpr const char* operands = "products, h, c, weight, bias, lengths";
  static constexpr OpInfo rnn_op{"rnn", operands}, lstm_op{"lstm", operands}, gru_op{"gru", operands};
  const OpInfo& info() const override { return cell == Cell::lstm ? lstm_op : cell == Cell::gru ? gru_op : rnn_op; }
  std::string attributes() const override { return reverse ? "reverse" : ""; }

  Spec infer(const Operands& in) override {
    const Shape& x = in[products_].shape();
    const DType dtype = in[products_].dtype();
    sizes = {cell, reverse, x[0], x[1], in[h_].shape()[1], dtype, in[weight_].dtype()};
    const Shape sequence{sizes.steps, sizes.batch, sizes.hidden}, state{sizes.batch, sizes.hidden};
    Spec spec(sequence, dtype);
    spec.outputs.emplace_back(state, dtype);
    if (cell == Cell::lstm) spec.outputs.emplace_back(state, dtype);
    if (in.recording() && kernels::cpu::kept_of(cell)) {
      Shape kept = sequence;
      kept[2] *= kernels::cpu::kept_of(cell);
      spec.outputs.push_back(OutputSpec::hidden_of(kept, dtype));
      if (cell == Cell::lstm) spec.outputs.push_back(OutputSpec::hidden_of(sequence, dtype));
    }
    spec.save_inputs = 1u << h_ | 1u << weight_ | 1u << lengths_ | (cell == Cell::lstm ? 1u << c_ : 0u);
    spec.save_outputs = cell == Cell::lstm ? 1u | 1u << 3 | 1u << 4 : cell == Cell::gru ? 1u | 1u << 2 : 1u;
    spec.overwrites_grad = 1u << products_ | 1u << h_ | 1u << c_ | (sizes.rounds_products() ? 1u << weight_ : 0u);
    spec.flops = 2.0 * static_cast<double>(x.numel() * sizes.hidden);
    spec.backward_flops = 2 * spec.flops;
    if (in[products_].device().runs_cpu_kernels()) {
      spec.workspace = cpu::recurrent_workspace(sizes, in[bias_].defined());
      if (in.recording()) spec.backward_workspace = cpu::recurrent_backward_workspace(sizes);
    }
    return spec;
  }

  void forward(Launch& l) override {
    const bool lstm = cell == Cell::lstm;
    const std::size_t kept = lstm ? 3 : 2;
    const View none;
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        return cpu::recurrent(sizes, {.products = l.in(products_), .h = l.in(h_), .c = l.in(c_), .weight = l.in(weight_), .bias = l.in(bias_),
                                      .lengths = l.in(lengths_), .y = l.out(0), .h_last = l.out(1), .c_last = lstm ? l.out(2) : none,
                                      .kept = kept < l.output_count() ? l.out(kept) : none, .cells = lstm && kept < l.output_count() ? l.out(4) : none,
                                      .workspace = l.workspace()});
      default: kernels::not_on(l.device(), info().name);
    }
  }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const bool lstm = cell == Cell::lstm, gru = cell == Cell::gru;
    const View none;
    switch (b.device().kind()) {
      case DeviceKind::cpu:
        return cpu::recurrent_backward(
            sizes, {.h = b.in(h_), .c = b.in(c_), .weight = b.in(weight_), .lengths = b.in(lengths_), .y = b.out(0),
                    .kept = lstm ? b.out(3) : gru ? b.out(2) : none, .cells = lstm ? b.out(4) : none,
                    .grad_y = b.grad_out(0), .grad_h_last = b.grad_out(1), .grad_c_last = lstm ? b.grad_out(2) : none,
                    .grad_kept = lstm ? b.grad_out(3) : gru ? b.grad_out(2) : none, .grad_cells = lstm ? b.grad_out(4) : none,
                    .grad_products = b.grad(products_).view, .grad_h = b.grad(h_).view, .grad_c = b.grad(c_).view,
                    .grad_weight = b.grad(weight_).view, .grad_bias = b.grad(bias_).view,
                    .add_to_weight = b.grad(weight_).accumulate, .add_to_bias = b.grad(bias_).accumulate, .workspace = b.workspace()});
      default: kernels::not_on(b.device(), info().name);
    }
  }

  TensorList backward_graph(const GradContext& c) override {
    const bool lstm = cell == Cell::lstm, gru = cell == Cell::gru;
    const DType dtype = c.in_dtype(weight_);
    const ops::RecurrentGradients g = ops::recurrent_gradients(
        sizes, {.h = c.in(h_), .c = lstm ? c.in(c_) : Tensor(), .weight = c.in(weight_).to(sizes.dtype), .lengths = c.in(lengths_), .y = c.out(0),
                .kept = lstm ? c.out(3) : gru ? c.out(2) : Tensor(), .cells = lstm ? c.out(4) : Tensor(),
                .grad_y = c.grad(0), .grad_h = c.grad(1), .grad_c = lstm ? c.grad(2) : Tensor(),
                .grad_kept = lstm ? c.grad(3) : gru ? c.grad(2) : Tensor(), .grad_cells = lstm ? c.grad(4) : Tensor()});
    return {g.products, g.h, g.c, g.weight.defined() ? g.weight.to(dtype) : Tensor(), g.bias, Tensor()};
  }
};

struct Layer {
  OpInfo info;
  Cell cell;
  bool one_step = false;
};

void check(const Tensor& x, const Tensor& h, const Tensor& c, const RecurrentWeights& w, const Tensor& lengths, const Layer& layer) {
  ops::check_floating(x, "x");
  if (x.ndim() != (layer.one_step ? 2 : 3))
    TASUKI_THROW(ShapeError, "expected  x of ", layer.one_step ? "[batch, features]" : "[steps, batch, features]", "\nactual    ", x.shape());
  if (!w.input.defined() || !w.state.defined()) TASUKI_THROW(ValueError, "expected  weights for the input and for the state\nactual    an undefined one");
  TASUKI_CHECK_OP(ShapeError, w.state.ndim(), ==, 2, "the state's weight is [gates * hidden, hidden]");
  const std::int64_t hidden = w.state.size(1), batch = x.size(-2), rows = kernels::cpu::gates_of(layer.cell) * hidden;
  ops::check_shape(w.state, "a weight of the state", {rows, hidden});
  ops::check_shape(w.input, "a weight of the input", {rows, x.size(-1)});
  for (const Tensor* bias : {&w.input_bias, &w.state_bias})
    if (bias->defined()) ops::check_shape(*bias, "a bias", {rows});
  for (const Tensor* state : {&h, &c})
    if (state->defined()) ops::check_shape(*state, state == &h ? "h" : "c", {batch, hidden});
  for (const Tensor* operand : {&h, &c, &w.input, &w.state, &w.input_bias, &w.state_bias})
    if (operand->defined()) ops::check_dtype(*operand, "states and weights", x.dtype());
  if (lengths.defined()) {
    ops::check_dtype(lengths, "lengths", i64);
    ops::check_shape(lengths, "lengths", {batch});
  }
}

/// y, h and, of an LSTM, c.
TensorList run(const Layer& layer, const Tensor& x, const Tensor& h, const Tensor& c, const RecurrentWeights& w, const RecurrentOptions& options, At at) {
  return ops::composed(layer.info, {&x, &h, &c}, at, [&] {
    check(x, h, c, w, options.lengths, layer);
    const DType dtype = x.dtype(), wide = dtype == f64 ? f64 : f32;
    const auto widened = [&](const Tensor& t) { return t.defined() && t.dtype() != wide ? t.to(wide, at) : t; };
    const auto ready = [&](const Tensor& t) { return ops::row_major(widened(t), at); };
    const bool of_bf16 = dtype == bf16 && cpu::is_fast_with_bf16();  // products of which take half the time
    Tensor products = of_bf16 ? ops::linear_in_f32(x, w.input, widened(w.input_bias), at) : linear(widened(x), widened(w.input), widened(w.input_bias), at);
    if (layer.one_step) products = products.unsqueeze(0, at);
    const auto state = [&](const Tensor& given) {
      return given.defined() ? ready(given) : zeros({products.size(1), w.state.size(1)}, {.dtype = wide, .device = x.device()}, at);
    };
    const Tensor input = ops::row_major(products, at), h0 = state(h), weight = of_bf16 ? ops::row_major(w.state, at) : ready(w.state), bias = ready(w.state_bias);
    const Tensor c0 = layer.cell == Cell::lstm ? state(c) : Tensor(), lengths = ops::row_major(options.lengths, at);
    TensorList results = apply_all(Recurrent(layer.cell, options.reverse), {&input, &h0, &c0, &weight, &bias, &lengths}, at);
    if (dtype != wide)
      for (Tensor& t : results) t = t.to(dtype, at);
    return results;
  });
}

Cell plain_cell(RecurrentActivation activation) { return activation == RecurrentActivation::tanh ? Cell::tanh : Cell::relu; }

}  // namespace

RnnResult rnn(const Tensor& x, const Tensor& h, const RecurrentWeights& weights, RecurrentActivation activation, const RecurrentOptions& options, At at) {
  const TensorList r = run({{"rnn", "x, h"}, plain_cell(activation)}, x, h, {}, weights, options, at);
  return {r[0], r[1]};
}
LstmResult lstm(const Tensor& x, const Tensor& h, const Tensor& c, const RecurrentWeights& weights, const RecurrentOptions& options, At at) {
  const TensorList r = run({{"lstm", "x, h, c"}, Cell::lstm}, x, h, c, weights, options, at);
  return {r[0], r[1], r[2]};
}
RnnResult gru(const Tensor& x, const Tensor& h, const RecurrentWeights& weights, const RecurrentOptions& options, At at) {
  const TensorList r = run({{"gru", "x, h"}, Cell::gru}, x, h, {}, weights, options, at);
  return {r[0], r[1]};
}

Tensor rnn_cell(const Tensor& x, const Tensor& h, const RecurrentWeights& weights, RecurrentActivation activation, At at) {
  return run({{"rnn_cell", "x, h"}, plain_cell(activation), true}, x, h, {}, weights, {}, at)[1];
}
LstmCellResult lstm_cell(const Tensor& x, const Tensor& h, const Tensor& c, const RecurrentWeights& weights, At at) {
  const TensorList r = run({{"lstm_cell", "x, h, c"}, Cell::lstm, true}, x, h, c, weights, {}, at);
  return {r[1], r[2]};
}
Tensor gru_cell(const Tensor& x, const Tensor& h, const RecurrentWeights& weights, At at) {
  return run({{"gru_cell", "x, h"}, Cell::gru, true}, x, h, {}, weights, {}, at)[1];
}

}  // namespace tasuki
