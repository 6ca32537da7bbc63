#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/dropout.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/recurrent.hpp"
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
    Tensor y = options_.batch_first ? x.transpose(0, 1, at) : x;
    for (std::int64_t layer = 0; layer < options_.layers; ++layer) {
      if (layer > 0 && options_.dropout > 0) y = dropout(y, options_.dropout, is_training(), at);
      const std::int64_t k = layer * directions();
      const Tensor forward = run(y, k, RecurrentOptions{.reverse = false, .lengths = lengths});
      y = options_.bidirectional ? cat({forward, run(y, k + 1, RecurrentOptions{.reverse = true, .lengths = lengths})}, 2, at) : forward;
    }
    return options_.batch_first ? y.transpose(0, 1, at) : y;
  }

  RecurrentWeights weights(std::int64_t k) const {
    const auto at = [&](std::int64_t i) { return owned_parameter(static_cast<std::size_t>(k * (options_.bias ? 4 : 2) + i)); };
    return options_.bias ? RecurrentWeights{at(0), at(1), at(2), at(3)} : RecurrentWeights{at(0), at(1), {}, {}};
  }

  /// One state for each layer and direction; undefined ones where there is none.
  std::vector<Tensor> states(const Tensor& given, const char* name, SourceLocation at) const {
    const std::int64_t count = options_.layers * directions();
    if (!given.defined()) return std::vector<Tensor>(static_cast<std::size_t>(count));
    if (given.ndim() == 3 && given.size(0) == count && given.size(2) == hidden_) return unbind(given, 0, at);
    ShapeError error(tasuki::detail::concat({"expected  ", name, " of [", count, ", batch, ", hidden_, "]\nactual    ", given.shape()}));
    error.add_op(type_name(), path(), std::string(name) + ": " + given.describe(), at);
    throw error;
  }

  std::int64_t in_, hidden_;
  RecurrentLayerOptions options_;

 private:
  void create(std::int64_t gates) {
    TASUKI_CHECK(ValueError, in_ >= 0 && hidden_ >= 1 && options_.layers >= 1, "a recurrent module was asked for ", options_.layers, " layers of ", in_,
                 " inputs and ", hidden_, " hidden features");
    TASUKI_CHECK(ValueError, options_.dropout >= 0 && options_.dropout <= 1, "dropout is ", options_.dropout);
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
        add("weight_ih", of, {rows, layer == 0 ? in_ : hidden_ * directions()});
        add("weight_hh", of, {rows, hidden_});
        if (!options_.bias) continue;
        add("bias_ih", of, {rows});
        add("bias_hh", of, {rows});
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
    Scope s{this};
    const std::vector<Tensor> first = states(h, "h", at);
    std::vector<Tensor> last;
    const Tensor y = run_layers(s.enter(x), lengths, [&](const Tensor& input, std::int64_t k, const RecurrentOptions& o) {
      const RnnResult r = rnn(input, first[static_cast<std::size_t>(k)], weights(k), options_.activation, o, at);
      last.push_back(r.h);
      return r.y;
    }, at);
    return {s.leave(y), stack(last, 0, at)};
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
    const std::vector<Tensor> first_h = states(state.h, "h", at), first_c = states(state.c, "c", at);
    std::vector<Tensor> last_h, last_c;
    const Tensor y = run_layers(s.enter(x), lengths, [&](const Tensor& input, std::int64_t k, const RecurrentOptions& o) {
      const LstmResult r = lstm(input, first_h[static_cast<std::size_t>(k)], first_c[static_cast<std::size_t>(k)], weights(k), o, at);
      last_h.push_back(r.h);
      last_c.push_back(r.c);
      return r.y;
    }, at);
    return {s.leave(y), stack(last_h, 0, at), stack(last_c, 0, at)};
  }
  ModulePtr clone() const override { return clone_as(*this, in_, hidden_, options_); }
};

/// Cho et al., 2014, in the form of cuDNN and PyTorch: the reset gate scales the state's product.
class GRU : public RecurrentModule {
 public:
  GRU(std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o = {}) : RecurrentModule(3, in, hidden, o) {}
  GRU(Module* parent, std::string_view name, std::int64_t in, std::int64_t hidden, const RecurrentLayerOptions& o = {})
      : RecurrentModule(parent, name, 3, in, hidden, o) {}
  RecurrentOutput operator()(const Tensor& x, const Tensor& h = {}, const Tensor& lengths = {}, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const std::vector<Tensor> first = states(h, "h", at);
    std::vector<Tensor> last;
    const Tensor y = run_layers(s.enter(x), lengths, [&](const Tensor& input, std::int64_t k, const RecurrentOptions& o) {
      const RnnResult r = gru(input, first[static_cast<std::size_t>(k)], weights(k), o, at);
      last.push_back(r.h);
      return r.y;
    }, at);
    return {s.leave(y), stack(last, 0, at)};
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
  RecurrentWeights weights() const { return {weight_ih, weight_hh, bias_ih, bias_hh}; }
  template <class Cell>
  ModulePtr copy_of(const Cell& cell) const {
    return clone_as(cell, weight_ih.size(1), weight_hh.size(1), options_);
  }
  RecurrentCellOptions options_;

 private:
  void create(std::int64_t gates, std::int64_t in, std::int64_t hidden) {
    TASUKI_CHECK(ValueError, in >= 0 && hidden >= 1, "a recurrent cell was asked for ", in, " inputs and ", hidden, " hidden features");
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
    return s.leave(rnn_cell(s.enter(x), h, weights(), options_.activation, at));
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
    const LstmCellResult r = lstm_cell(s.enter(x), state.h, state.c, weights(), at);
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
    return s.leave(gru_cell(s.enter(x), h, weights(), at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

}  // namespace tasuki::nn
