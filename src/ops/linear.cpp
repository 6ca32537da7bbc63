#include "tasuki/ops/linear.hpp"

#include "kernels/copy.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/reduce.hpp"
#include "kernels/small_matmul.hpp"
#include "src/ops/linear_in_f32.hpp"
#include "src/ops/matrix_operand.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/reduce.hpp"

namespace tasuki {

namespace {

struct Linear final : Function {
  bool x_is_row = false;  // 1-d
  bool small = false;     // a loop, without a plan
  bool wide = false;      // bf16 with a result in f32
  cpu::PlanPtr<cpu::GemmPlan> plan;
  std::size_t backward_bytes = 0;
  explicit Linear(bool w) : wide(w) {}

  static constexpr OpInfo op{"linear", "x, weight, bias"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return wide ? "result=f32" : ""; }

  Spec infer(const Operands& in) override {
    const MatrixSizes x(in[0]), weight(in[1]);
    const Tensor& bias = in[2];
    TASUKI_CHECK(DTypeError, is_floating(x.dtype()), "x is ", x.dtype(), "; cast it with .to(ts::f32)");
    TASUKI_CHECK_OP(DTypeError, x.dtype(), ==, weight.dtype(), "cast one of them with .to(dtype)");
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
    TASUKI_CHECK_OP(ShapeError, weight.ndim(), ==, 2, "weight is [out, in]");
    TASUKI_CHECK_OP(ShapeError, x.size(-1), ==, weight.size(1));
    if (bias.defined()) {
      TASUKI_CHECK_OP(DTypeError, bias.dtype(), ==, (wide ? f32 : x.dtype()), "cast one of them with .to(dtype)");
      TASUKI_CHECK_OP(ShapeError, bias.shape(), ==, Shape{weight.size(0)});
    }
    x_is_row = x.ndim() == 1;
    const Shape& sizes = weight.shape();
    Shape shape = x.shape();
    shape[shape.ndim() - 1] = sizes[0];
    Spec spec(shape, wide ? f32 : x.dtype());
    const bool x_needs_grad = in.needs_grad(0), weight_needs_grad = in.needs_grad(1);
    if (x_needs_grad) spec.save_inputs |= 2;
    if (weight_needs_grad) spec.save_inputs |= 1;
    small = !wide && shape.ndim() == 2 && kernels::cpu::is_small_matmul(x.dtype(), shape[0], sizes[0], sizes[1]);
    if (!small) spec.overwrites_grad = 4;
    if (small) {
      spec.flops = 2.0 * static_cast<double>(x.shape().numel() * sizes[0]);
      spec.backward_flops = spec.flops * (x_needs_grad + weight_needs_grad);
    } else if (in[0].device().runs_cpu_kernels()) {
      plan_on_cpu(in, spec);
    }
    return spec;
  }

  void forward(Launch& l) override {
    if (small && l.device().is_cpu()) return kernels::cpu::small_matmul(l.in(0), false, l.in(1), true, l.in(2).data, l.out(0), false);
    switch (l.device().kind()) {
      case DeviceKind::cpu: return plan->run(l.in(0).data, l.in(1).data, l.in(2).data, l.out(0).data, false, l.workspace());
      default: kernels::not_on(l.device(), op.name);
    }
  }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    if (b.device().kind() != DeviceKind::cpu) kernels::not_on(b.device(), op.name);
    if (small) return small_backward(b);
    View g = b.grad_out(0);
    if (b.needs(2)) kernels::cpu::sum(g, b.grad(2).view, (kernels::cpu::DimMask{1} << (g.ndim - 1)) - 1, 1);
    void* scratch = b.workspace();
    if (wide) {
      g.data = scratch;
      g.dtype = bf16;
      kernels::cpu::copy(b.grad_out(0), g);
      scratch = static_cast<char*>(scratch) + rounded_gradient_bytes(g.numel);
    }
    if (b.needs(0)) multiply(grad_x_problem(b.grad(0).view, b.in(1), g), g, b.in(1), b.grad(0), scratch, backward_bytes);
    if (b.needs(1)) multiply(grad_weight_problem(b.grad(1).view, b.in(0), g), g, b.in(0), b.grad(1), scratch, backward_bytes);
  }

  TensorList backward_graph(const GradContext& c) override {
    const Tensor g = wide ? c.grad(0).to(bf16) : c.grad(0);
    TensorList grads(3);
    if (c.needs(0)) grads[0] = tasuki::matmul(g, c.in(1));
    if (c.needs(1)) {
      const Tensor rows = g.reshape({-1, c.in_shape(1)[0]}), x = c.in(0).reshape({rows.size(0), c.in_shape(1)[1]});
      grads[1] = tasuki::matmul(rows.t(), x);
    }
    if (c.needs(2)) grads[2] = sum_to(c.grad(0), c.in_shape(2));
    return grads;
  }

 private:
  void small_backward(Backward& b) const {
    const View& g = b.grad_out(0);
    if (b.needs(0)) kernels::cpu::small_matmul(g, false, b.in(1), false, nullptr, b.grad(0).view, b.grad(0).accumulate);
    if (b.needs(1)) kernels::cpu::small_matmul(g, true, b.in(0), false, nullptr, b.grad(1).view, b.grad(1).accumulate);
    if (b.needs(2)) kernels::cpu::small_column_sum(g, b.grad(2).view, b.grad(2).accumulate);
  }
  void plan_on_cpu(const Operands& in, Spec& spec) {
    const View x = in[0].impl()->view(), weight = in[1].impl()->view();
    const OutputLayout out(spec.outputs[0]);
    MatrixOperand rows(x), result(out.view());
    as_matrices(rows, result);
    cpu::GemmProblem problem = cpu::gemm_problem({rows}, {weight, true}, {result}, in[2].defined());
    if (wide) {
      problem.dtype = bf16;
      problem.wide_result = true;
    }
    plan = cpu::gemm_plan(problem);
    spec.workspace = plan->workspace_bytes(false);
    spec.flops = problem.flops();
    backward_bytes = plan_gradients(in, spec, [&](std::size_t i, const View& grad) {
      return i == 0 ? grad_x_problem(grad, weight, out.view()) : grad_weight_problem(grad, x, out.view());
    });
    if (wide) spec.backward_workspace += rounded_gradient_bytes(out.view().numel);
  }
  /// Of the result's gradient in bf16, up to a cache line.
  static std::size_t rounded_gradient_bytes(std::int64_t elements) { return (2 * static_cast<std::size_t>(elements) + 63) / 64 * 64; }
  void as_matrices(MatrixOperand& x, MatrixOperand& out) const {
    if (!x_is_row) return;
    x.insert(-2);
    out.insert(-2);
  }
  cpu::GemmProblem grad_x_problem(const View& grad_x, const View& weight, const View& grad_out) const {
    MatrixOperand x(grad_x), g(grad_out);
    as_matrices(x, g);
    return cpu::gemm_problem({g}, {weight}, {x});
  }
  cpu::GemmProblem grad_weight_problem(const View& grad_weight, const View& x, const View& grad_out) const {
    MatrixOperand rows(x), g(grad_out);
    as_matrices(rows, g);
    return cpu::gemm_problem({g, true}, {rows}, {grad_weight});
  }
};

Tensor run(bool wide, const Tensor& x, const Tensor& weight, const Tensor& bias, SourceLocation at) {
  if (are_readable(x, weight) && (!bias.defined() || bias.is_contiguous())) return apply(Linear(wide), {&x, &weight, &bias}, at);
  const Tensor rows = readable_matrices(x, at), matrix = readable_matrices(weight, at);
  const Tensor offset = bias.defined() && !bias.is_contiguous() ? bias.contiguous(MemoryFormat::contiguous, at) : bias;
  return apply(Linear(wide), {&rows, &matrix, &offset}, at);
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, SourceLocation at) { return run(false, x, weight, bias, at); }
Tensor ops::linear_in_f32(const Tensor& x, const Tensor& weight, const Tensor& bias, SourceLocation at) { return run(true, x, weight, bias, at); }

}  // namespace tasuki
