#include "tasuki/ops/matmul.hpp"

#include <algorithm>

#include "kernels/dispatch.hpp"
#include "kernels/small_matmul.hpp"
#include "src/ops/matrix_operand.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/reduce.hpp"

namespace tasuki {

namespace {

struct Matmul final : Function {
  bool a_is_row = false, b_is_column = false;  // 1-d operands
  bool small = false;                          // a loop, without a plan
  cpu::PlanPtr<cpu::GemmPlan> plan;
  std::size_t backward_bytes = 0;

  static constexpr OpInfo op{"matmul", "a, b"};
  const OpInfo& info() const override { return op; }

  Spec infer(const Operands& in) override {
    const MatrixSizes a(in[0]), b(in[1]);
    TASUKI_CHECK_OP(DTypeError, a.dtype(), ==, b.dtype(), "cast one of them with .to(dtype)");
    TASUKI_CHECK(DTypeError, a.dtype() != bool_, "matrices of bools have no product; cast them with .to(dtype)");
    TASUKI_CHECK_OP(ShapeError, a.ndim(), >=, 1, "a matrix product needs vectors or matrices; multiply by a 0-d tensor with *");
    TASUKI_CHECK_OP(ShapeError, b.ndim(), >=, 1, "a matrix product needs vectors or matrices; multiply by a 0-d tensor with *");
    a_is_row = a.ndim() == 1;
    b_is_column = b.ndim() == 1;
    if (b_is_column) TASUKI_CHECK_OP(ShapeError, a.size(-1), ==, b.size(0), "a ", a.shape(), " and b ", b.shape(), " have different inner sizes");
    else TASUKI_CHECK_OP(ShapeError, a.size(-1), ==, b.size(-2), "a ", a.shape(), " and b ", b.shape(), " have different inner sizes");

    Shape shape = a.ndim() <= 2 && b.ndim() <= 2 ? Shape() : broadcast_shapes(batch_of(a), batch_of(b));
    if (!a_is_row) shape.push_back(a.size(-2));
    if (!b_is_column) shape.push_back(b.size(-1));
    Spec spec(shape, a.dtype());
    const bool a_needs_grad = in.needs_grad(0), b_needs_grad = in.needs_grad(1);
    if (a_needs_grad) spec.save_inputs |= 2;
    if (b_needs_grad) spec.save_inputs |= 1;
    const Shape &left = a.shape(), &right = b.shape();
    small = left.ndim() == 2 && right.ndim() == 2 && kernels::cpu::is_small_matmul(a.dtype(), left[0], right[1], left[1]);
    if (small) {
      spec.flops = 2.0 * static_cast<double>(shape.numel() * left[1]);
      spec.backward_flops = spec.flops * (a_needs_grad + b_needs_grad);
    } else if (in[0].device().runs_cpu_kernels()) {
      plan_on_cpu(in, spec);
    }
    return spec;
  }

  void forward(Launch& l) override {
    if (small && l.device().is_cpu()) return kernels::cpu::small_matmul(l.in(0), false, l.in(1), false, nullptr, l.out(0), false);
    switch (l.device().kind()) {
      case DeviceKind::cpu: return plan->run(l.in(0).data, l.in(1).data, nullptr, l.out(0).data, false, l.workspace());
      default: kernels::not_on(l.device(), op.name);
    }
  }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    if (b.device().kind() != DeviceKind::cpu) kernels::not_on(b.device(), op.name);
    if (small) {
      if (b.needs(0)) kernels::cpu::small_matmul(b.grad_out(0), false, b.in(1), true, nullptr, b.grad(0).view, b.grad(0).accumulate);
      if (b.needs(1)) kernels::cpu::small_matmul(b.in(0), true, b.grad_out(0), false, nullptr, b.grad(1).view, b.grad(1).accumulate);
      return;
    }
    if (b.needs(0)) multiply(grad_a_problem(b.grad(0).view, b.in(1), b.grad_out(0)), b.grad_out(0), b.in(1), b.grad(0), b.workspace(), backward_bytes);
    if (b.needs(1)) multiply(grad_b_problem(b.grad(1).view, b.in(0), b.grad_out(0)), b.in(0), b.grad_out(0), b.grad(1), b.workspace(), backward_bytes);
  }

  TensorList backward_graph(const GradContext& c) override {
    Tensor g = c.grad(0);
    if (b_is_column) g = g.unsqueeze(-1);
    if (a_is_row) g = g.unsqueeze(-2);
    TensorList grads(2);
    if (c.needs(0)) {
      const Tensor b = b_is_column ? c.in(1).unsqueeze(-1) : c.in(1);
      grads[0] = sum_to(matmul(g, b.transpose(-1, -2)), a_is_row ? Shape{1, c.in_shape(0)[0]} : c.in_shape(0)).reshape(c.in_shape(0));
    }
    if (c.needs(1)) {
      const Tensor a = a_is_row ? c.in(0).unsqueeze(0) : c.in(0);
      grads[1] = sum_to(matmul(a.transpose(-1, -2), g), b_is_column ? Shape{c.in_shape(1)[0], 1} : c.in_shape(1)).reshape(c.in_shape(1));
    }
    return grads;
  }

 private:
  static Shape batch_of(const MatrixSizes& x) { return Shape(x.shape().data(), static_cast<std::size_t>(std::max(x.ndim() - 2, 0))); }

  void plan_on_cpu(const Operands& in, Spec& spec) {
    const View a = in[0].impl()->view(), b = in[1].impl()->view();
    const OutputLayout out(spec.outputs[0]);
    MatrixOperand x(a), y(b), z(out.view());
    as_matrices(x, y, z);
    const cpu::GemmProblem problem = cpu::gemm_problem({x}, {y}, {z});
    plan = cpu::gemm_plan(problem);
    spec.workspace = plan->workspace_bytes(false);
    spec.flops = problem.flops();
    backward_bytes = plan_gradients(in, spec, [&](std::size_t i, const View& grad) {
      return i == 0 ? grad_a_problem(grad, b, out.view()) : grad_b_problem(grad, a, out.view());
    });
  }
  void as_matrices(MatrixOperand& a, MatrixOperand& b, MatrixOperand& out) const {
    if (a_is_row) a.insert(-2);
    if (b_is_column) {
      b.insert(-1);
      out.insert(-1);
    }
    if (a_is_row) out.insert(-2);
  }
  cpu::GemmProblem grad_a_problem(const View& grad_a, const View& b, const View& grad_out) const {
    MatrixOperand x(grad_a), y(b), z(grad_out);
    as_matrices(x, y, z);
    return cpu::gemm_problem({z}, {y, true}, {x});
  }
  cpu::GemmProblem grad_b_problem(const View& grad_b, const View& a, const View& grad_out) const {
    MatrixOperand x(a), y(grad_b), z(grad_out);
    as_matrices(x, y, z);
    return cpu::gemm_problem({x, true}, {z}, {y});
  }
};

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, SourceLocation at) {
  if (are_readable(a, b)) return apply(Matmul{}, {&a, &b}, at);
  const Tensor left = readable_matrices(a, at), right = readable_matrices(b, at);
  return apply(Matmul{}, {&left, &right}, at);
}

Tensor Tensor::matmul(const Tensor& o, At at) const { return tasuki::matmul(*this, o, at); }

}  // namespace tasuki
