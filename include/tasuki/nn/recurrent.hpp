#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/dropout.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/recurrent.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

/// Recurrent networks: RNN, LSTM and GRU of several layers, in one or both directions, and their single steps. Parameters have the
/// names and layouts of PyTorch's modules (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ..._l0_reverse, ..._l1, ...) and start
/// uniform in +-1 / sqrt(hidden).
///
///     ts::nn::LSTM lstm{this, "lstm", 128, 256, {.layers = 2, .batch_first = true, .bidirectional = true}};
///     auto [y, h, c] = lstm(x);                          // x [B, T, 128], y [B, T, 512], h and c [4, B, 256]
///     auto [y, h, c] = lstm(x, {h, c}, lengths);         // from given states, over padded sequences
///
/// x may lack the batch, [steps, features]: then so do y and the states, [layers x directions, hidden].
///
/// `lengths`, i64 [B], says where each sequence ends: y is zero from there on, and states are those of the ends, as with PyTorch's
/// packed sequences (but the batch needs no order).
namespace tasuki::nn {

struct RecurrentLayerOptions {
  std::int64_t layers = 1;
  bool bias = true;
  bool batch_first = false;    ///< x and y are [batch, steps, features], otherwise [steps, batch, features]
  double dropout = 0;          ///< between layers, in training
  bool bidirectional = false;  ///< a second set of layers runs from the end; features of both are joined
  RecurrentActivation activation = RecurrentActivation::tanh;  ///< of RNN
  DType dtype = DType::f32;
  std::int64_t proj_size = 0;  ///< of LSTM: y and h have this many features, W_hr (o tanh c) in place of o tanh c (Sak et al., 2014)
};

/// y and the last states of all layers [layers x directions, B, hidden], the forward direction of each layer first.
struct RecurrentOutput {
  Tensor y, h;
};
struct LSTMState {
  Tensor h, c;
};
struct LSTMOutput {
  Tensor y, h, c;
};

namespace detail {
/// Whose parameters have so many blocks of `hidden` rows.
inline const char* recurrent_name(std::int64_t gates) { return gates == 1 ? "RNN" : gates == 3 ? "GRU" : "LSTM"; }
}  // namespace detail

/// What RNN, LSTM and GRU have in common.
class RecurrentModule : public Module {
 protected:
  struct States {
    Tensor y;
    std::vector<Tensor> h, c;
  };

  RecurrentModule(std::int64_t gates, std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o) : in_(in), hidden_(hidden), options_(o) {
    create(gates);
  }
  RecurrentModule(Module* parent, std::string_view name, std::int64_t gates, std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o)
      : Module(parent, name), in_(in), hidden_(hidden), options_(o) {
    create(gates);
  }

  std::int64_t directions() const { return options_.bidirectional ? 2 : 1; }

  /// Calls run(input, k, options) for each layer and direction; run appends to the states and returns y.
  template <class Run>
  Tensor run_layers(const Tensor& x, const Tensor& lengths, Run&& run, SourceLocation at) const {
    const int batch_dim = options_.batch_first ? 0 : 1;
    const bool single = x.ndim() == 2;
    Tensor y = single ? x.unsqueeze(batch_dim, at) : x;
    if (options_.batch_first) y = y.transpose(0, 1, at);
    for (std::int64_t layer = 0; layer < options_.layers; ++layer) {
      if (layer > 0 && options_.dropout > 0) y = dropout(y, options_.dropout, is_training(), at);
      const std::int64_t k = layer * directions();
      const Tensor forward = run(y, k, RecurrentOptions{.reverse = false, .lengths = lengths});
      y = options_.bidirectional ? cat({forward, run(y, k + 1, RecurrentOptions{.reverse = true, .lengths = lengths})}, 2, at) : forward;
    }
    if (options_.batch_first) y = y.transpose(0, 1, at);
    return single ? y.squeeze(batch_dim, at) : y;
  }

  /// What RNN and GRU do: step(input, first state, k, options) runs a layer in one direction.
  template <class Step>
  RecurrentOutput run_with_one_state(const Tensor& x, const Tensor& h, const Tensor& lengths, Step&& step, SourceLocation at) const {
    Scope s{this};
    check_input(x, at);
    const std::vector<Tensor> first = states(x, h, "h", features(), at);
    std::vector<Tensor> last;
    const Tensor y = run_layers(s.enter(x), lengths, [&](const Tensor& input, std::int64_t k, const RecurrentOptions& o) {
      const RnnResult r = step(input, first[static_cast<std::size_t>(k)], k, o);
      last.push_back(r.h);
      return r.y;
    }, at);
    return {s.leave(y), joined(x, last, at)};
  }

  /// Of y and h.
  std::int64_t features() const { return options_.proj_size > 0 ? options_.proj_size : hidden_; }
  /// The last states as they are returned.
  Tensor joined(const Tensor& x, const std::vector<Tensor>& last, SourceLocation at) const {
    const Tensor all = stack(last, 0, at);
    return x.ndim() == 2 ? all.squeeze(1, at) : all;
  }

  RecurrentWeights weights(std::int64_t k) const {
    const auto at = [&](std::int64_t i) { return owned_parameter(static_cast<std::size_t>(k * parameters_each() + i)); };
    return options_.bias ? RecurrentWeights{at(0), at(1), at(2), at(3)} : RecurrentWeights{at(0), at(1), {}, {}};
  }

  std::int64_t parameters_each() const { return (options_.bias ? 4 : 2) + (options_.proj_size > 0 ? 1 : 0); }
  /// W_hr, [proj_size, hidden].
  const Tensor& projection(std::int64_t k) const { return owned_parameter(static_cast<std::size_t>((k + 1) * parameters_each() - 1)); }

  void check_input(const Tensor& x, SourceLocation at) const {
    if ((x.ndim() == 2 || x.ndim() == 3) && x.size(-1) == in_) return;
    const char* order = options_.batch_first ? "batch, steps, " : "steps, batch, ";
    ShapeError error(tasuki::detail::concat({"expected  x of [", order, in_, "], or [steps, ", in_, "]\nactual    ", x.shape()}));
    error.add_op(type_name(), path(), "x: " + x.describe(), at);
    throw error;
  }

  /// One state for each layer and direction; undefined ones where there is none.
  std::vector<Tensor> states(const Tensor& x, const Tensor& given, const char* name, std::int64_t width, SourceLocation at) const {
    const std::int64_t count = options_.layers * directions();
    if (!given.defined()) return std::vector<Tensor>(static_cast<std::size_t>(count));
    const bool single = x.ndim() == 2;
    if (given.ndim() == (single ? 2 : 3) && given.size(0) == count && given.size(-1) == width) return unbind(single ? given.unsqueeze(1, at) : given, 0, at);
    ShapeError error(tasuki::detail::concat({"expected  ", name, " of [", count, single ? ", " : ", batch, ", width, "]\nactual    ", given.shape()}));
    error.add_op(type_name(), path(), std::string(name) + ": " + given.describe(), at);
    throw error;
  }

  std::int64_t in_, hidden_;
  RecurrentLayerOptions options_;

 private:
  void create(std::int64_t gates) {
    const char* name = detail::recurrent_name(gates);
    TASUKI_CHECK(ValueError, in_ >= 0 && hidden_ >= 1 && options_.layers >= 1, name, " was asked for ", options_.layers, " layers of ", in_, " inputs and ", hidden_,
                 " hidden features");
    TASUKI_CHECK(ValueError, options_.dropout >= 0 && options_.dropout <= 1, name, " was asked for the dropout ", options_.dropout);
    TASUKI_CHECK(ValueError, options_.proj_size == 0 || (gates == 4 && options_.proj_size > 0 && options_.proj_size < hidden_), name, " was asked for a proj_size of ",
                 options_.proj_size, ", which LSTM alone takes, and less than its ", hidden_, " hidden features");
    const double bound = 1 / __builtin_sqrt(static_cast<double>(hidden_));
    const auto add = [&](const char* kind, const std::string& of, const Shape& shape) {
      const Tensor parameter = empty(shape, {.dtype = options_.dtype});
      init::uniform_(parameter, -bound, bound);
      own_parameter(kind + of, parameter);
    };
    const std::int64_t rows = gates * hidden_;
    for (std::int64_t layer = 0; layer < options_.layers; ++layer)
      for (std::int64_t direction = 0; direction < directions(); ++direction) {
        const std::string of = "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
        add("weight_ih", of, {rows, layer == 0 ? in_ : features() * directions()});
        add("weight_hh", of, {rows, features()});
        for (const char* bias : {"bias_ih", "bias_hh"})
          if (options_.bias) add(bias, of, {rows});
        if (options_.proj_size > 0) add("weight_hr", of, {options_.proj_size, hidden_});
      }
  }
};

/// h' = tanh(W x + b + U h + c), or relu.
class RNN : public RecurrentModule {
 public:
  RNN(std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o = {}) : RecurrentModule(1, in, hidden, o) {}
  RNN(Module* parent, std::string_view name, std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o = {})
      : RecurrentModule(parent, name, 1, in, hidden, o) {}
  RecurrentOutput operator()(const Tensor& x, const Tensor& h = {}, const Tensor& lengths = {}, SourceLocation at = SourceLocation::current()) const {
    return run_with_one_state(x, h, lengths, [&](const Tensor& input, const Tensor& first, std::int64_t k, const RecurrentOptions& o) {
      return rnn(input, first, weights(k), options_.activation, o, at);
    }, at);
  }
  ModulePtr clone() const override { return clone_as(*this, in_, hidden_, options_); }
};

/// Hochreiter and Schmidhuber, 1997, with forget gates.
class LSTM : public RecurrentModule {
 public:
  LSTM(std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o = {}) : RecurrentModule(4, in, hidden, o) {}
  LSTM(Module* parent, std::string_view name, std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o = {})
      : RecurrentModule(parent, name, 4, in, hidden, o) {}
  LSTMOutput operator()(const Tensor& x, const LSTMState& state = {}, const Tensor& lengths = {}, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    check_input(x, at);
    const std::vector<Tensor> first_h = states(x, state.h, "h", features(), at), first_c = states(x, state.c, "c", hidden_, at);
    std::vector<Tensor> last_h, last_c;
    const Tensor y = run_layers(s.enter(x), lengths, [&](const Tensor& input, std::int64_t k, const RecurrentOptions& o) {
      const Tensor &h = first_h[static_cast<std::size_t>(k)], &c = first_c[static_cast<std::size_t>(k)];
      const LstmResult r = options_.proj_size > 0 ? projected(input, h, c, k, o, at) : lstm(input, h, c, weights(k), o, at);
      last_h.push_back(r.h);
      last_c.push_back(r.c);
      return r.y;
    }, at);
    return {s.leave(y), joined(x, last_h, at), joined(x, last_c, at)};
  }
  ModulePtr clone() const override { return clone_as(*this, in_, hidden_, options_); }

 private:
  /// With m = o tanh c, h = W_hr m: an ordinary layer over m, whose state weights are U W_hr. What a given first h adds to the first
  /// step comes in as further inputs.
  LstmResult projected(const Tensor& input, const Tensor& h, const Tensor& c, std::int64_t k, const RecurrentOptions& o, SourceLocation at) const {
    RecurrentWeights w = weights(k);
    const Tensor &project = projection(k), direct = w.state;
    w.state = matmul(direct, project, at);
    const std::int64_t steps = input.size(0);
    const bool has_first = h.defined() && steps > 0;
    if (has_first) w.input = cat({w.input, direct}, 1, at);
    const LstmResult r = lstm(has_first ? cat({input, in_first_step(h, steps, o, at)}, 2, at) : input, {}, c, w, o, at);
    return {linear(r.y, project, {}, at), linear(r.h, project, {}, at), r.c};
  }
  /// [steps, B, proj_size]: h in the step that each sequence begins with, zeros in the others.
  static Tensor in_first_step(const Tensor& h, std::int64_t steps, const RecurrentOptions& o, SourceLocation at) {
    const Tensor one = h.unsqueeze(0, at);
    if (!o.reverse) return pad(one, {0, 0, 0, 0, 0, steps - 1}, {}, at);
    if (!o.lengths.defined()) return pad(one, {0, 0, 0, 0, steps - 1, 0}, {}, at);
    const Tensor last = clamp(o.lengths, 1, static_cast<double>(steps), at).sub({1, at}).reshape({1, h.size(0), 1}, at).expand(one.shape(), at);
    return scatter(zeros({steps, h.size(0), h.size(1)}, {.dtype = h.dtype(), .device = h.device()}, at), 0, last, one, at);
  }
};

/// Cho et al., 2014, in the form of cuDNN and PyTorch: the reset gate scales the state's product.
class GRU : public RecurrentModule {
 public:
  GRU(std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o = {}) : RecurrentModule(3, in, hidden, o) {}
  GRU(Module* parent, std::string_view name, std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o = {})
      : RecurrentModule(parent, name, 3, in, hidden, o) {}
  RecurrentOutput operator()(const Tensor& x, const Tensor& h = {}, const Tensor& lengths = {}, SourceLocation at = SourceLocation::current()) const {
    return run_with_one_state(x, h, lengths, [&](const Tensor& input, const Tensor& first, std::int64_t k, const RecurrentOptions& o) {
      return gru(input, first, weights(k), o, at);
    }, at);
  }
  ModulePtr clone() const override { return clone_as(*this, in_, hidden_, options_); }
};

struct RecurrentCellOptions {
  bool bias = true;
  RecurrentActivation activation = RecurrentActivation::tanh;  ///< of RNNCell
  DType dtype = DType::f32;
};

/// The parameters of a cell.
class RecurrentCellModule : public Module {
 public:
  Parameter weight_ih{this, "weight_ih"}, weight_hh{this, "weight_hh"}, bias_ih{this, "bias_ih"}, bias_hh{this, "bias_hh"};

 protected:
  RecurrentCellModule(std::int64_t gates, std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& o) : options_(o) { create(gates, in, hidden); }
  RecurrentCellModule(Module* parent, std::string_view name, std::int64_t gates, std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& o)
      : Module(parent, name), options_(o) {
    create(gates, in, hidden);
  }
  /// The parameters, for an x that fits them.
  RecurrentWeights weights(const Tensor& x, SourceLocation at) const {
    if (x.ndim() == 2 && x.size(1) == weight_ih.size(1)) return {weight_ih, weight_hh, bias_ih, bias_hh};
    ShapeError error(tasuki::detail::concat({"expected  x of [batch, ", weight_ih.size(1), "]\nactual    ", x.shape()}));
    error.add_op(type_name(), path(), "x: " + x.describe(), at);
    throw error;
  }
  template <class Cell>
  ModulePtr copy_of(const Cell& cell) const {
    return clone_as(cell, weight_ih.size(1), weight_hh.size(1), options_);
  }
  RecurrentCellOptions options_;

 private:
  void create(std::int64_t gates, std::int64_t in, std::int64_t hidden) {
    TASUKI_CHECK(ValueError, in >= 0 && hidden >= 1, detail::recurrent_name(gates), "Cell was asked for ", in, " inputs and ", hidden, " hidden features");
    weight_ih = empty({gates * hidden, in}, {.dtype = options_.dtype});
    weight_hh = empty({gates * hidden, hidden}, {.dtype = options_.dtype});
    if (options_.bias) {
      bias_ih = empty({gates * hidden}, {.dtype = options_.dtype});
      bias_hh = empty({gates * hidden}, {.dtype = options_.dtype});
    }
    const double bound = 1 / __builtin_sqrt(static_cast<double>(hidden));
    for (Parameter* p : {&weight_ih, &weight_hh, &bias_ih, &bias_hh})
      if (p->defined()) init::uniform_(*p, -bound, bound);
  }
};

/// A step of an RNN: x [B, in], h [B, hidden] (zeros where undefined).
class RNNCell : public RecurrentCellModule {
 public:
  RNNCell(std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& o = {}) : RecurrentCellModule(1, in, hidden, o) {}
  RNNCell(Module* parent, std::string_view name, std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& o = {})
      : RecurrentCellModule(parent, name, 1, in, hidden, o) {}
  Tensor operator()(const Tensor& x, const Tensor& h = {}, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(rnn_cell(s.enter(x), h, weights(x, at), options_.activation, at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

/// A step of an LSTM.
class LSTMCell : public RecurrentCellModule {
 public:
  LSTMCell(std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& o = {}) : RecurrentCellModule(4, in, hidden, o) {}
  LSTMCell(Module* parent, std::string_view name, std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& o = {})
      : RecurrentCellModule(parent, name, 4, in, hidden, o) {}
  LSTMState operator()(const Tensor& x, const LSTMState& state = {}, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const LstmCellResult r = lstm_cell(s.enter(x), state.h, state.c, weights(x, at), at);
    return {s.leave(r.h), r.c};
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

/// A step of a GRU.
class GRUCell : public RecurrentCellModule {
 public:
  GRUCell(std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& o = {}) : RecurrentCellModule(3, in, hidden, o) {}
  GRUCell(Module* parent, std::string_view name, std::int64_t in, std::int64_t hidden, const RecurrentCellOptions& o = {})
      : RecurrentCellModule(parent, name, 3, in, hidden, o) {}
  Tensor operator()(const Tensor& x, const Tensor& h = {}, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(gru_cell(s.enter(x), h, weights(x, at), at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

}  // namespace tasuki::nn
