#include "tasuki/ops/layer_norm.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/layer_norm.hpp"
#include "src/ops/norm_backward.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki {
namespace {

struct LayerNorm final : Function {
  enum Operand { x_, weight_, bias_ };
  Shape normalized;
  double eps;
  bool weighted = false;
  LayerNorm(const Shape& n, double e) : normalized(n), eps(e) {}

  static constexpr OpInfo op{"layer_norm", "x, weight, bias"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return detail::concat({"normalized_shape=", normalized, ", eps=", eps}); }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[x_];
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ShapeError, normalized.ndim(), >=, 1, "normalized_shape names the last dimensions of x");
    const int leading = x.ndim() - normalized.ndim();
    bool fits = leading >= 0;
    for (int d = 0; d < normalized.ndim() && fits; ++d) fits = x.size(leading + d) == normalized[d];
    if (!fits) TASUKI_THROW(ShapeError, "expected  x whose last sizes are normalized_shape = ", normalized, "\nactual    ", x.shape());
    const char* names[] = {"x", "weight", "bias"};
    for (std::size_t i = 1; i < 3; ++i) {
      if (!in[i].defined()) continue;
      ops::check_shape(in[i], names[i], normalized);
      if (in[i].dtype() != accumulate_type(x.dtype())) ops::check_dtype(in[i], names[i], x.dtype());
    }
    weighted = in[weight_].defined();

    Spec spec(x.shape(), x.dtype());
    const Shape rows(x.shape().data(), static_cast<std::size_t>(leading));
    spec.outputs.push_back(OutputSpec::hidden_of(rows, accumulate_type(x.dtype())));
    spec.outputs.push_back(OutputSpec::hidden_of(rows, accumulate_type(x.dtype())));
    spec.workspace = spec.backward_workspace = kernels::cpu::layer_norm_workspace(normalized.numel(), x.dtype());
    spec.save_inputs = 1u << x_ | (weighted ? 1u << weight_ : 0u);
    spec.save_outputs = 6;
    spec.flops = 8.0 * static_cast<double>(x.numel());
    spec.backward_flops = 12.0 * static_cast<double>(x.numel());
    return spec;
  }

  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        return kernels::cpu::layer_norm({.x = l.in(x_), .weight = l.in(weight_), .bias = l.in(bias_), .y = l.out(0), .mean = l.out(1),
                                         .inv_std = l.out(2), .size = normalized.numel(), .eps = eps, .workspace = l.workspace()});
      default: kernels::not_on(l.device(), op.name);
    }
  }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::layer_norm_backward({ops::norm_backward(b, x_, weight_, bias_), normalized.numel()});
      default: kernels::not_on(b.device(), op.name);
    }
  }

  TensorList backward_graph(const GradContext& c) override {
    const DType dtype = c.in_dtype(x_), carried = accumulate_type(dtype);
    const Tensor x = c.in(x_).to(carried), g = c.grad(0).to(carried);
    const int leading = x.ndim() - normalized.ndim();
    Dims rows, inner;
    for (int d = 0; d < x.ndim(); ++d) (d < leading ? rows : inner).push_back(d);
    const Tensor centered = x - x.mean(inner, true);
    const Tensor inv_std = (centered.square().mean(inner, true) + eps).rsqrt();
    const Tensor normal = centered * inv_std;
    TensorList grads(3);
    if (c.needs(x_)) {
      const Tensor scaled = weighted ? g * c.in(weight_).to(carried) : g;
      grads[x_] = (inv_std * (scaled - scaled.mean(inner, true) - normal * (scaled * normal).mean(inner, true))).to(dtype);
    }
    // A list of no dimensions would mean all.
    const auto over_rows = [&](const Tensor& t, DType as) { return (rows.empty() ? t : t.sum(rows)).to(as); };
    if (c.needs(weight_)) grads[weight_] = over_rows(g * normal, c.in_dtype(weight_));
    if (c.needs(bias_)) grads[bias_] = over_rows(g, c.in_dtype(bias_));
    return grads;
  }
};

}  // namespace

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight, const Tensor& bias, double eps, SourceLocation at) {
  const auto dense = [&](const Tensor& t) { return t.defined() ? t.contiguous(MemoryFormat::contiguous, at) : t; };
  const Tensor rows = dense(x), w = dense(weight), b = dense(bias);
  return apply(LayerNorm(normalized_shape, eps), {&rows, &w, &b}, at);
}

}  // namespace tasuki
