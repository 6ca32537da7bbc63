#include "src/ops/recurrent_graph.hpp"

#include <vector>

#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::ops {
namespace {

using Cell = kernels::cpu::RecurrentCell;
using Sequence = std::vector<Tensor>;

/// An undefined tensor counts as zeros.
Tensor add(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : a + b; }
Tensor masked(const Tensor& x, const Tensor& mask) { return x.defined() && mask.defined() ? x * mask : x; }
Tensor step(const Tensor& sequence, std::int64_t t) { return sequence.defined() ? sequence.select(0, t) : Tensor(); }
Tensor slope(const Tensor& sigmoid) { return sigmoid * (1.0 - sigmoid); }

/// Gradients of a step's products with the input and the state, and of the state before but for what comes through the latter.
struct StepGradients {
  Tensor products, from_state, h, c;
};

/// The whole sequence's tensors that the steps read.
class Backpropagation {
 public:
  Backpropagation(const cpu::Recurrence& sizes, const RecurrentRecord& record) : n_(sizes), r_(record) {
    if (r_.lengths.defined()) {
      const Tensor times = arange(0, n_.steps, 1, {.dtype = i64, .device = r_.y.device()}).reshape({n_.steps, 1, 1});
      going_ = lt(times, r_.lengths.reshape({1, n_.batch, 1})).to(n_.dtype);
    }
    h_before_ = shifted(r_.y, r_.h);
    if (n_.cell == Cell::lstm) {
      c_before_ = shifted(r_.cells, r_.c);
      tanh_c_ = tanh(r_.cells);
    }
    if (r_.kept.defined()) gates_ = chunk(r_.kept, 4, 2);
    if (r_.grad_kept.defined()) grad_gates_ = chunk(masked(r_.grad_kept, going_), 4, 2);
    grad_y_ = masked(r_.grad_y, going_);
    grad_cells_ = masked(r_.grad_cells, going_);
  }

  RecurrentGradients run() {
    const auto steps = static_cast<std::size_t>(n_.steps);
    Sequence products(steps), from_state(steps);
    const Tensor none = zeros({n_.batch, n_.hidden}, {.dtype = n_.dtype, .device = r_.y.device()});
    Tensor h = r_.grad_h.defined() ? r_.grad_h : none, c = r_.grad_c.defined() ? r_.grad_c : none;
    for (std::int64_t k = n_.steps - 1; k >= 0; --k) {
      const std::int64_t t = n_.reverse ? n_.steps - 1 - k : k;
      const StepGradients g = backward(t, add(h, step(grad_y_, t)), c);
      h = add(matmul(g.from_state, r_.weight), g.h);
      c = g.c;
      products[static_cast<std::size_t>(t)] = g.products;
      from_state[static_cast<std::size_t>(t)] = g.from_state;
    }
    RecurrentGradients result;
    result.h = h;
    if (n_.cell == Cell::lstm) result.c = c;
    if (steps == 0) return result;
    result.products = stack(products);
    const Tensor rows = stack(from_state).reshape({n_.steps * n_.batch, n_.gates()});
    result.weight = matmul(rows.t(), h_before_.reshape({n_.steps * n_.batch, n_.hidden}));
    result.bias = sum(rows, {0});
    return result;
  }

 private:
  /// At each step what `sequence` held after the one before, `first` where there is none.
  Tensor shifted(const Tensor& sequence, const Tensor& first) const {
    if (n_.steps == 0) return sequence;
    const Tensor start = first.unsqueeze(0), rest = sequence.narrow(0, n_.reverse ? 1 : 0, n_.steps - 1);
    const Tensor before = n_.reverse ? cat({rest, start}, 0) : cat({start, rest}, 0);
    if (!going_.defined() || !n_.reverse || n_.steps == 1) return before;
    // Where a reverse layer begins after the last step, the step before did not take part.
    const Tensor went = cat({going_.narrow(0, 1, n_.steps - 1), ones({1, n_.batch, 1}, {.dtype = n_.dtype, .device = r_.y.device()})}, 0);
    return before + (1.0 - went) * start;
  }

  StepGradients backward(std::int64_t t, const Tensor& h, const Tensor& c) const {
    const auto gate = [&](std::size_t i) { return step(gates_[i], t); };
    const auto plus = [&](const Tensor& own, std::size_t i) { return grad_gates_.empty() ? own : own + step(grad_gates_[i], t); };
    const Tensor going = step(going_, t), stays = going.defined() ? h * (1.0 - going) : Tensor();
    switch (n_.cell) {
      case Cell::lstm: {
        const Tensor i = gate(0), f = gate(1), g = gate(2), o = gate(3), tanh_c = step(tanh_c_, t);
        const Tensor d = add(c + h * o * (1.0 - square(tanh_c)), step(grad_cells_, t));
        const Tensor parts = cat({plus(d * g, 0) * slope(i), plus(d * step(c_before_, t), 1) * slope(f), plus(d * i, 2) * (1.0 - square(g)),
                                  plus(h * tanh_c, 3) * slope(o)}, 1);
        const Tensor own = masked(parts, going);
        return {own, own, stays, d * f};
      }
      case Cell::gru: {
        const Tensor r = gate(0), z = gate(1), n = gate(2), q = gate(3);
        const Tensor inner = plus(h * (1.0 - z), 2) * (1.0 - square(n));
        const Tensor r_part = plus(inner * q, 0) * slope(r), z_part = plus(h * (step(h_before_, t) - n), 1) * slope(z);
        const Tensor from_state = cat({r_part, z_part, plus(inner * r, 3)}, 1), products = cat({r_part, z_part, inner}, 1);
        return {masked(products, going), masked(from_state, going), h * z, c};
      }
      case Cell::tanh:
      case Cell::relu: break;
    }
    const Tensor y = step(r_.y, t);
    const Tensor own = masked(n_.cell == Cell::tanh ? h * (1.0 - square(y)) : h * gt(y, 0.0).to(n_.dtype), going);
    return {own, own, stays, c};
  }

  const cpu::Recurrence& n_;
  const RecurrentRecord& r_;
  Tensor going_;  ///< 1 where a sample takes part in a step, [T, B, 1]; undefined: everywhere
  Tensor h_before_, c_before_, tanh_c_, grad_y_, grad_cells_;
  Sequence gates_, grad_gates_;
};

}  // namespace

RecurrentGradients recurrent_gradients(const cpu::Recurrence& sizes, const RecurrentRecord& record) { return Backpropagation(sizes, record).run(); }

}  // namespace tasuki::ops
