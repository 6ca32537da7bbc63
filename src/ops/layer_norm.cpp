#include "tasuki/ops/layer_norm.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/layer_norm.hpp"
#include "src/ops/norm_backward.hpp"
#include "src/ops/row_norm.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki {
namespace {

/// Layer normalization, and root mean square normalization, which does not subtract the mean.
struct LayerNorm final : Function {
  enum Operand { x_, weight_, bias_ };
  Shape normalized;
  double eps;
  bool centered, weighted = false;
  LayerNorm(const Shape& n, double e, bool c) : normalized(n), eps(e), centered(c) {}

  static constexpr OpInfo op{"layer_norm", "x, weight, bias"}, rms{"rms_norm", "x, weight, bias"};
  const OpInfo& info() const override { return centered ? op : rms; }
  std::string attributes() const override { return detail::concat({"normalized_shape=", normalized, ", eps=", eps}); }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[x_];
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ShapeError, normalized.ndim(), >=, 1, "normalized_shape names the last dimensions of x");
    const int leading = x.ndim() - normalized.ndim();
    bool fits = leading >= 0;
    for (int d = 0; d < normalized.ndim() && fits; ++d) fits = x.size(leading + d) == normalized[d];
    if (!fits) TASUKI_THROW(ShapeError, "expected  x whose last sizes are normalized_shape = ", normalized, "\nactual    ", x.shape());
    ops::check_affine(in, normalized);
    weighted = in[weight_].defined();

    const Shape rows(x.shape().data(), static_cast<std::size_t>(leading));
    return ops::row_norm_spec(in, rows, row());
  }

  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        return kernels::cpu::layer_norm({.x = l.in(x_), .weight = l.in(weight_), .bias = l.in(bias_), .y = l.out(0), .mean = l.out(1),
                                         .inv_std = l.out(2), .row = row(), .eps = eps, .workspace = l.workspace()});
      default: kernels::not_on(l.device(), info().name);
    }
  }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::layer_norm_backward({ops::norm_backward(b, x_, weight_, bias_), row()});
      default: kernels::not_on(b.device(), info().name);
    }
  }

  TensorList backward_graph(const GradContext& c) override {
    const DType dtype = c.in_dtype(x_), carried = accumulate_type(dtype);
    const Tensor x = c.in(x_).to(carried), g = c.grad(0).to(carried);
    const int leading = x.ndim() - normalized.ndim();
    Dims rows, inner;
    for (int d = 0; d < x.ndim(); ++d) (d < leading ? rows : inner).push_back(d);
    const Tensor deviation = centered ? x - x.mean(inner, true) : x;
    const Tensor inv_std = (deviation.square().mean(inner, true) + eps).rsqrt();
    const Tensor normal = deviation * inv_std;
    TensorList grads(3);
    if (c.needs(x_)) {
      const Tensor scaled = weighted ? g * c.in(weight_).to(carried) : g;
      const Tensor mixed = centered ? scaled - scaled.mean(inner, true) : scaled;
      grads[x_] = (inv_std * (mixed - normal * (scaled * normal).mean(inner, true))).to(dtype);
    }
    // A list of no dimensions would mean all.
    const auto over_rows = [&](const Tensor& t, DType as) { return (rows.empty() ? t : t.sum(rows)).to(as); };
    if (c.needs(weight_)) grads[weight_] = over_rows(g * normal, c.in_dtype(weight_));
    if (c.needs(bias_)) grads[bias_] = over_rows(g, c.in_dtype(bias_));
    return grads;
  }

 private:
  kernels::cpu::RowLayout row() const { return {.size = normalized.numel(), .centered = centered}; }
};

}  // namespace

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight, const Tensor& bias, double eps, SourceLocation at) {
  const Tensor rows = ops::row_major(x, at), w = ops::row_major(weight, at), b = ops::row_major(bias, at);
  return apply(LayerNorm(normalized_shape, eps, true), {&rows, &w, &b}, at);
}

Tensor rms_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight, double eps, SourceLocation at) {
  const Tensor rows = ops::row_major(x, at), w = ops::row_major(weight, at), no_bias;
  return apply(LayerNorm(normalized_shape, eps, false), {&rows, &w, &no_bias}, at);
}

}  // namespace tasuki
