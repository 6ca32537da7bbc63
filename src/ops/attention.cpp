#include "tasuki/ops/attention.hpp"

#include <cmath>
#include <limits>

#include "kernels/attention.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/drawn_dropout.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/global_count.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {
namespace {

/// A view with leading dimensions of size 1 put before it, up to four.
struct FourDims {
  Shape shape, strides;
  View view;
  explicit FourDims(const View& v) : shape(v.shape, v.ndim), strides(v.strides, v.ndim), view(v) {
    while (shape.ndim() < 4) {
      shape.insert(0, 1);
      strides.insert(0, 0);
    }
    view.shape = shape.data(), view.strides = strides.data(), view.ndim = 4;
  }
  /// Broadcast to the scores of q and k.
  FourDims(const View& mask, const FourDims& q, const FourDims& k) : FourDims(mask) {
    const std::int64_t scores[] = {q.shape[0], q.shape[1], q.shape[2], k.shape[2]};
    for (int d = 0; d < 4; ++d)
      if (shape[d] == 1) shape[d] = scores[d], strides[d] = 0;
  }
  FourDims(const FourDims&) = delete;
};

/// Strides of a dense result with q's shape but for the last size: heads and positions in the order in which they lie in q, so that
/// heads that came from the rows of one matrix go back into rows without a copy.
Strides strides_in_order_of(const Tensor& q, const Shape& shape) {
  Strides strides = contiguous_strides(shape);
  const int n = shape.ndim();
  if (n < 3 || q.stride(-2) <= q.stride(-3) || shape[n - 3] == 1) return strides;
  strides[n - 3] = shape[n - 1];
  strides[n - 2] = shape[n - 3] * shape[n - 1];
  return strides;
}

/// The same in ordinary ops, with every score in memory: for masks that learn and for gradients of gradients.
struct Scores {
  const AttentionOptions& options;
  Tensor mask;
  double scale;
  DType carried;  ///< computed in

  /// Each key head once for every query head that it serves.
  Tensor repeated(const Tensor& x, const Shape& q) const {
    if (q.ndim() < 3 || x.size(-3) == q[q.ndim() - 3]) return x;
    const std::int64_t group = q[q.ndim() - 3] / x.size(-3);
    Shape wide = x.shape(), shape = x.shape();
    wide.insert(x.ndim() - 2, group);
    shape[x.ndim() - 3] *= group;
    return x.unsqueeze(-3).expand(wide).reshape(shape);
  }
  /// The sum over the query heads that share a key head.
  Tensor gathered(const Tensor& grad, const Shape& x) const {
    if (x.ndim() < 3 || grad.size(-3) == x[x.ndim() - 3]) return grad;
    Shape split = x;
    split.insert(x.ndim() - 2, grad.size(-3) / x[x.ndim() - 3]);
    return grad.reshape(split).sum({-3});
  }
  Tensor weights(const Tensor& q, const Tensor& k) const {
    // Hidden scores are finite and zeroed afterwards: a row of infinities would make NaN of its gradient.
    const double hidden = -1e30;
    Tensor scores = matmul(q, k.transpose(-1, -2)) * scale, seen, past;
    const Tensor nothing = zeros({}, {.dtype = carried, .device = q.device()});
    if (mask.defined()) {
      seen = mask.dtype() == bool_ ? mask : mask.ne(-std::numeric_limits<double>::infinity());
      if (mask.dtype() != bool_) scores = scores + where(seen, mask.to(carried), nothing);
      scores = where(seen, scores, nothing + hidden);
    }
    if (options.causal) {
      const Tensor positions = arange(std::max(q.size(-2), k.size(-2)), {.device = q.device()});
      past = positions.narrow(0, 0, q.size(-2)).unsqueeze(1).ge(positions.narrow(0, 0, k.size(-2)));
      scores = where(past, scores, nothing + hidden);
    }
    Tensor p = softmax(scores, -1);
    if (seen.defined()) p = where(seen, p, nothing);
    return past.defined() ? where(past, p, nothing) : p;
  }
  /// What dropout multiplies the weights with, as the kernel draws it.
  Tensor multipliers(const Shape& weights, Device device, PhiloxState state) const {
    Shape drawn = weights;
    const int n = drawn.ndim();
    drawn[n - 2] = weights[n - 1];
    drawn[n - 1] = (weights[n - 2] + 3) / 4 * 4;
    return detail::drawn_dropout(ones(drawn, {.dtype = carried, .device = device}), options.dropout, state).narrow(-1, 0, weights[n - 2]).transpose(-1, -2);
  }
};

/// Words of the stream that a launch draws: see AttentionCall::state.
PhiloxState draw(const Shape& q, std::int64_t keys) {
  const std::int64_t rows = q[q.ndim() - 2], heads = q.numel() / std::max<std::int64_t>(1, rows * q.back());
  return detail::reserve_mask(static_cast<std::uint64_t>(heads * keys * ((rows + 3) / 4 * 4)));
}

struct Attention final : Function {
  enum Operand { q_, k_, v_, mask_ };
  AttentionOptions options;
  double scale = 1;
  bool drawn = false, masked = false, mask_learns = false;
  PhiloxState state{};
  explicit Attention(const AttentionOptions& o) : options(o) {}

  static constexpr OpInfo plain{"scaled_dot_product_attention", "q, k, v, mask", op_any_grad_layout};
  static constexpr OpInfo random{"scaled_dot_product_attention", "q, k, v, mask", op_any_grad_layout | op_random};
  const OpInfo& info() const override { return options.dropout > 0 ? random : plain; }
  std::string attributes() const override {
    return detail::concat({"causal=", options.causal, ", scale=", scale, ", dropout=", options.dropout});
  }

  Spec infer(const Operands& in) override {
    const Tensor &q = in[q_], &k = in[k_], &v = in[v_];
    check(in);
    const std::int64_t queries = q.size(-2), keys = k.size(-2);
    scale = options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(q.size(-1), 1)));
    if (options.dropout > 0 && !drawn) state = draw(q.shape(), keys);
    drawn = true;

    Shape shape = q.shape();
    shape[q.ndim() - 1] = v.size(-1);
    Spec spec;
    spec.outputs.emplace_back(shape, q.dtype(), strides_in_order_of(q, shape));
    spec.outputs.push_back(OutputSpec::hidden_of(Shape(shape.data(), static_cast<std::size_t>(q.ndim() - 1)), accumulate_type(q.dtype())));
    const FourDims query(q.impl()->view()), key(k.impl()->view()), value(v.impl()->view());
    spec.workspace = kernels::cpu::attention_workspace(query.view, key.view, value.view, false);
    spec.backward_workspace = kernels::cpu::attention_workspace(query.view, key.view, value.view, true);
    spec.save_inputs = 7 | (masked ? 1u << mask_ : 0u);
    spec.save_outputs = 3;
    const double products = 2.0 * static_cast<double>(q.numel() + shape.numel()) * static_cast<double>(keys);
    spec.flops = options.causal ? products * std::min(1.0, 0.5 * static_cast<double>(queries) / static_cast<double>(std::max<std::int64_t>(keys, 1))) : products;
    spec.backward_flops = 2.5 * spec.flops;
    return spec;
  }

  void forward(Launch& l) override {
    if (l.device().kind() != DeviceKind::cpu) kernels::not_on(l.device(), plain.name);
    const FourDims q(l.in(q_)), k(l.in(k_)), v(l.in(v_)), mask(l.in(mask_), q, k), y(l.out(0));
    kernels::cpu::AttentionForward f{{.q = q.view, .k = k.view, .v = v.view, .mask = mask.view, .scale = scale, .causal = options.causal,
                                      .dropout = options.dropout, .state = state, .workspace = l.workspace()}, y.view, l.out(1)};
    kernels::cpu::attention(f);
  }

  bool has_fused_backward() const override { return !mask_learns; }
  void backward(Backward& b) override {
    if (b.device().kind() != DeviceKind::cpu) kernels::not_on(b.device(), plain.name);
    const FourDims q(b.in(q_)), k(b.in(k_)), v(b.in(v_)), mask(b.in(mask_), q, k), y(b.out(0)), grad_y(b.grad_out(0));
    const FourDims grad_q(b.grad(q_).view), grad_k(b.grad(k_).view), grad_v(b.grad(v_).view);
    kernels::cpu::AttentionBackward f{{.q = q.view, .k = k.view, .v = v.view, .mask = mask.view, .scale = scale, .causal = options.causal,
                                       .dropout = options.dropout, .state = state, .workspace = b.workspace()},
                                      grad_y.view, y.view, b.out(1), grad_q.view, grad_k.view, grad_v.view,
                                      b.grad(q_).accumulate, b.grad(k_).accumulate, b.grad(v_).accumulate};
    kernels::cpu::attention_backward(f);
  }

  TensorList backward_graph(const GradContext& c) override {
    const DType dtype = c.in_dtype(q_), carried = accumulate_type(dtype);
    const Scores scores{options, masked ? c.in(mask_) : Tensor(), scale, carried};
    const Tensor q = c.in(q_).to(carried), g = c.grad(0).to(carried);
    const Tensor k = scores.repeated(c.in(k_).to(carried), q.shape()), v = scores.repeated(c.in(v_).to(carried), q.shape());
    const Tensor p = scores.weights(q, k);
    Tensor slopes = matmul(g, v.transpose(-1, -2)), kept = p;
    if (options.dropout > 0) {
      const Tensor multipliers = scores.multipliers(p.shape(), q.device(), state);
      slopes = slopes * multipliers;
      kept = p * multipliers;
    }
    const Tensor of_mask = p * (slopes - (p * slopes).sum({-1}, true)), of_scores = of_mask * scale;
    TensorList grads(c.input_count());
    if (c.needs(q_)) grads[q_] = matmul(of_scores, k).to(dtype);
    if (c.needs(k_)) grads[k_] = scores.gathered(matmul(of_scores.transpose(-1, -2), q), c.in_shape(k_)).to(dtype);
    if (c.needs(v_)) grads[v_] = scores.gathered(matmul(kept.transpose(-1, -2), g), c.in_shape(v_)).to(dtype);
    if (masked && c.needs(mask_)) grads[mask_] = sum_to(of_mask, c.in_shape(mask_)).to(dtype);
    return grads;
  }

 private:
  void check(const Operands& in) {
    const Tensor &q = in[q_], &k = in[k_], &v = in[v_], &mask = in[mask_];
    ops::check_floating(q, "q");
    ops::check_dtype(k, "k", q.dtype());
    ops::check_dtype(v, "v", q.dtype());
    TASUKI_CHECK(ShapeError, q.ndim() >= 2 && q.ndim() <= 4, "q is [B, H, T, D], [H, T, D] or [T, D]");
    TASUKI_CHECK_OP(ShapeError, k.ndim(), ==, q.ndim());
    TASUKI_CHECK_OP(ShapeError, v.ndim(), ==, q.ndim());
    TASUKI_CHECK_OP(ShapeError, k.size(-1), ==, q.size(-1), "queries and keys are compared element by element");
    TASUKI_CHECK_OP(ShapeError, v.size(-2), ==, k.size(-2), "there is one value for each key");
    if (q.ndim() == 4) TASUKI_CHECK(ShapeError, k.size(0) == q.size(0) && v.size(0) == q.size(0), "the batches differ");
    if (q.ndim() >= 3) {
      TASUKI_CHECK_OP(ShapeError, v.size(-3), ==, k.size(-3), "keys and values have the same heads");
      TASUKI_CHECK(ShapeError, q.size(-3) == k.size(-3) || (k.size(-3) > 0 && q.size(-3) % k.size(-3) == 0), "the ", q.size(-3),
                   " heads of q cannot share the ", k.size(-3), " of k evenly");
    }
    TASUKI_CHECK(ValueError, options.dropout >= 0 && options.dropout <= 1, "dropout is ", options.dropout);
    masked = mask.defined();
    if (!masked) return;
    mask_learns = in.needs_grad(mask_);
    if (mask.dtype() != bool_) ops::check_dtype(mask, "mask", q.dtype());
    Shape scores = q.shape();
    scores[q.ndim() - 1] = k.size(-2);
    const int shift = scores.ndim() - mask.ndim();
    bool fits = shift >= 0;
    for (int d = 0; d < mask.ndim() && fits; ++d) fits = mask.size(d) == 1 || mask.size(d) == scores[shift + d];
    if (!fits) TASUKI_THROW(ShapeError, "expected  a mask that broadcasts to the scores, ", scores, "\nactual    ", mask.shape());
  }
};

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, const AttentionOptions& options, SourceLocation at) {
  return apply(Attention(options), {&q, &k, &v, &mask}, at);
}

}  // namespace tasuki
