#include "tasuki/ops/scan.hpp"

#include <limits>

#include "kernels/dispatch.hpp"
#include "kernels/scan.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/products.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

/// y with its elements moved one place along `dim`, up or down; `fill` comes in.
Tensor shifted(const Tensor& y, int dim, bool up, double fill) {
  const std::int64_t n = y.size(dim);
  Shape edge = y.shape();
  edge[dim] = 1;
  const Tensor filler = full(edge, fill, {.dtype = y.dtype(), .device = y.device()});
  return up ? cat({filler, y.narrow(dim, 0, n - 1)}, dim) : cat({y.narrow(dim, 1, n - 1), filler}, dim);
}

struct ScanFunction : Function {
  int dim;
  bool reverse;
  ScanFunction(int d, bool r) : dim(d), reverse(r) {}
  std::string attributes() const override { return "dim=" + std::to_string(dim) + (reverse ? ", reverse" : ""); }
  Spec scanned(const Tensor& x) {
    dim = normalize_dim(dim, x.ndim());
    Spec spec = Spec::like(x, is_floating(x.dtype()) ? x.dtype() : i64);
    spec.flops = static_cast<double>(x.numel());
    return spec;
  }
};

struct CumSum final : ScanFunction {
  using ScanFunction::ScanFunction;
  static constexpr OpInfo op{"cumsum", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return scanned(in[0]); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::cumsum(l.in(0), dim, reverse, l.out(0), false);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const auto [grad, accumulate] = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::cumsum(b.grad_out(0), dim, !reverse, grad, accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {apply(CumSum(dim, !reverse), {&c.grad(0)})}; }
};

/// y_i = b_i + a_i y_(i-1), and reversed y_i = b_i + a_(i+1) y_(i+1): each is the other's adjoint.
struct LinearScan final : ScanFunction {
  using ScanFunction::ScanFunction;
  static constexpr OpInfo op{"linear_scan", "a, b"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec = scanned(in[0]);
    if (in.recording()) {
      spec.save_inputs = 0b01;
      spec.save_outputs = 1;
    }
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::linear_scan(l.in(0), l.in(1), dim, reverse, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor a = c.in(0), y = c.out(0), grad_b = apply(LinearScan(dim, !reverse), {&a, &c.grad(0)});
    Tensor grad_a;
    if (c.needs(0)) grad_a = reverse ? shifted(grad_b, dim, true, 0) * y : grad_b * shifted(y, dim, true, 0);
    return {grad_a, c.needs(1) ? grad_b : Tensor()};
  }
};

struct CumProd final : ScanFunction {
  explicit CumProd(int d) : ScanFunction(d, false) {}
  static constexpr OpInfo op{"cumprod", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec = scanned(in[0]);
    if (in.recording()) spec.save_inputs = 1;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::cumprod(l.in(0), dim, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const auto [grad, accumulate] = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::cumprod_backward(b.grad_out(0), b.in(0), dim, grad, accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor x = c.in(0);
    if (x.numel() == 0 || x.ndim() == 0) return {c.grad(0)};
    // (product of what precedes) * (gradients of what follows, times what lies between): nothing is divided.
    const Tensor before = shifted(cumprod(x, dim), dim, true, 1);
    return {before * apply(LinearScan(dim, true), {&x, &c.grad(0)})};
  }
};

struct LogCumSumExp final : ScanFunction {
  explicit LogCumSumExp(int d) : ScanFunction(d, false) {}
  static constexpr OpInfo op{"logcumsumexp", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    ops::check_floating(in[0], "x");
    Spec spec = scanned(in[0]);
    spec.save_inputs = 1;
    spec.save_outputs = 1;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::logcumsumexp(l.in(0), dim, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor x = c.in(0), y = c.out(0);
    if (x.numel() == 0) return {c.grad(0)};
    if (x.ndim() == 0) return {c.grad(0).clone()};
    // Of all y_i, i >= j: g_i e^(x_j - y_i) = e^(x_j - y_j) times the product of e^(y_(k-1) - y_k), none of which is above 1.
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    const Tensor none = y.eq(nothing), finite = masked_fill(y, none, 0), steps = exp(shifted(y, dim, true, nothing) - finite);
    return {masked_fill(exp(x - finite), none, 0) * apply(LinearScan(dim, true), {&steps, &c.grad(0)})};
  }
};

struct CumulativeExtremum final : ScanFunction {
  bool largest;
  CumulativeExtremum(int d, bool l) : ScanFunction(d, false), largest(l) {}
  static constexpr OpInfo max_op{"cummax", "x", op_not_differentiable}, min_op{"cummin", "x", op_not_differentiable};
  const OpInfo& info() const override { return largest ? max_op : min_op; }
  Spec infer(const Operands& in) override {
    dim = normalize_dim(dim, in[0].ndim());
    return Spec(in[0].shape(), i64);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::cumulative_extremum(l.in(0), dim, largest, l.out(0));
      default: kernels::not_on(l.device(), info().name);
    }
  }
};

CumulativeExtremumResult cumulative_extremum(const Tensor& x, int dim, bool largest, SourceLocation at) {
  const Tensor indices = apply(CumulativeExtremum(dim, largest), {&x}, at);
  return {x.ndim() ? gather(x, dim, indices, at) : x.clone(at), indices};
}

}  // namespace

Tensor ops::product_of_others(const Tensor& x, int dim) {
  if (x.ndim() == 0) return ones_like(x);
  // A scan from the end of 0, ..., 0, 1 with the factors x gives the products of what follows.
  const Tensor last = shifted(zeros_like(x), dim, false, 1), after = apply(LinearScan(dim, true), {&x, &last});
  return shifted(cumprod(x, dim), dim, true, 1) * after;
}

Tensor cumsum(const Tensor& x, int dim, SourceLocation at) { return apply(CumSum(dim, false), {&x}, at); }
Tensor cumprod(const Tensor& x, int dim, SourceLocation at) { return apply(CumProd(dim), {&x}, at); }
Tensor logcumsumexp(const Tensor& x, int dim, SourceLocation at) { return apply(LogCumSumExp(dim), {&x}, at); }
CumulativeExtremumResult cummax(const Tensor& x, int dim, SourceLocation at) { return cumulative_extremum(x, dim, true, at); }
CumulativeExtremumResult cummin(const Tensor& x, int dim, SourceLocation at) { return cumulative_extremum(x, dim, false, at); }

}  // namespace tasuki
