#include "tasuki/ops/softmax.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/softmax.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

struct Softmax final : Function {
  int dim;
  bool logarithm;
  Softmax(int d, bool l) : dim(d), logarithm(l) {}

  static constexpr OpInfo plain{"softmax", "x"}, log{"log_softmax", "x"};
  const OpInfo& info() const override { return logarithm ? log : plain; }
  std::string attributes() const override { return "dim=" + std::to_string(dim); }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    ops::check_floating(x, "x");
    dim = normalize_dim(dim, x.ndim());
    Spec spec = Spec::like(x);
    spec.save_outputs = 1;
    spec.flops = 8.0 * static_cast<double>(x.numel());
    spec.backward_flops = 4.0 * static_cast<double>(x.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::softmax(l.in(0), l.out(0), dim, logarithm);
      default: kernels::not_on(l.device(), info().name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const auto [grad_x, accumulate] = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::softmax_backward(b.grad_out(0), b.out(0), grad_x, dim, logarithm, accumulate);
      default: kernels::not_on(b.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor& g = c.grad(0);
    const Tensor y = c.out(0);
    if (y.ndim() == 0) return {logarithm ? g - y.exp() * g : y * (g - g * y)};
    if (logarithm) return {g - y.exp() * g.sum({dim}, true)};
    return {y * (g - (g * y).sum({dim}, true))};
  }
};

}  // namespace

Tensor softmax(const Tensor& x, int dim, SourceLocation at) { return apply(Softmax(dim, false), {&x}, at); }
Tensor log_softmax(const Tensor& x, int dim, SourceLocation at) { return apply(Softmax(dim, true), {&x}, at); }

Tensor Tensor::softmax(int dim, SourceLocation at) const { return tasuki::softmax(*this, dim, at); }

}  // namespace tasuki
