#include "tasuki/ops/linalg.hpp"

#include <algorithm>

#include "kernels/dispatch.hpp"
#include "src/cpu/linalg.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/factor_gradients.hpp"
#include "src/ops/matrix_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

using ops::check_matrices;
using ops::check_square;

Tensor transposed(const Tensor& a) { return ops::matrices_transposed(a); }
Tensor dense(const Tensor& a) { return ops::row_major(a, At()); }
Shape batch_of(const Tensor& a) { return ops::batch_of_matrices(a); }
double cube(const Tensor& a) { return static_cast<double>(a.numel()) * static_cast<double>(a.size(-1)); }

struct Inverse final : Function {
  static constexpr OpInfo op{"inverse", "a"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec(in[0].shape(), in[0].dtype());
    spec.save_outputs = 1;
    spec.flops = 2 * cube(in[0]);
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::inverse(l.in(0), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor t = transposed(c.out(0));
    return {-matmul(t, matmul(c.grad(0), t))};
  }
};

/// The factors by which systems are solved, once for the result and all its gradients.
struct Factorize final : Function {
  static constexpr OpInfo op{"solve", "a", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec(in[0].shape(), f64);
    Shape rows = batch_of(in[0]);
    rows.push_back(in[0].size(-1));
    spec.outputs.emplace_back(rows, i64);
    spec.flops = cube(in[0]) * 2 / 3;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::factorize(l.in(0), l.out(0), l.out(1));
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

/// Of a, which the factors stand for, only the gradients' graph is of use.
struct Solve final : Function {
  bool of_transpose;
  explicit Solve(bool t) : of_transpose(t) {}
  static constexpr OpInfo op{"solve", "a, b, factors, order"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec(in[1].shape(), in[1].dtype());
    spec.save_inputs = 0b1101;
    spec.save_outputs = 1;
    spec.flops = 2 * static_cast<double>(in[1].numel()) * static_cast<double>(in[0].size(-1));
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::solve(l.in(2), l.in(3), l.in(1), l.out(0), of_transpose);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor a = c.in(0), g = dense(c.grad(0)), factors = c.in(2), order = c.in(3), x = c.out(0);
    const Tensor grad_b = apply(Solve(!of_transpose), {&a, &g, &factors, &order});
    const Tensor grad_a = !c.needs(0) ? Tensor() : of_transpose ? -matmul(x, transposed(grad_b)) : -matmul(grad_b, transposed(x));
    return {grad_a, c.needs(1) ? grad_b : Tensor(), Tensor(), Tensor()};
  }
};

struct Cholesky final : Function {
  static constexpr OpInfo op{"cholesky", "a"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec(in[0].shape(), in[0].dtype());
    spec.save_outputs = 1;
    spec.flops = cube(in[0]) / 3;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::cholesky(l.in(0), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    // Murray 2016: L^-T P L^-1, made symmetric, where P is the lower triangle of L^T grad with half of its diagonal.
    const Tensor lower = c.out(0), back = inverse(lower), product = matmul(transposed(lower), c.grad(0));
    const Tensor p = (tril(product) + tril(product, -1)) * 0.5, s = matmul(transposed(back), matmul(p, back));
    return {(s + transposed(s)) * 0.5};
  }
};

struct Determinant final : Function {
  static constexpr OpInfo op{"det", "a"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec(batch_of(in[0]), in[0].dtype());
    spec.save_inputs = 1;
    spec.save_outputs = 1;
    spec.flops = cube(in[0]) * 2 / 3;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::determinant(l.in(0), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor factor = (c.grad(0) * c.out(0)).unsqueeze(-1).unsqueeze(-1);
    return {transposed(inverse(c.in(0))) * factor};
  }
};

struct Qr final : Function {
  static constexpr OpInfo op{"qr", "a"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Shape q = in[0].shape(), r = q;
    q[q.ndim() - 1] = r[r.ndim() - 2] = std::min(q[q.ndim() - 1], q[q.ndim() - 2]);
    Spec spec(q, in[0].dtype());
    spec.outputs.emplace_back(r, in[0].dtype());
    spec.save_outputs = 0b11;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::qr(l.in(0), l.out(0), l.out(1));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {ops::qr_gradient(c.out(0), c.out(1), c.grad(0), c.grad(1))}; }
};

struct Svd final : Function {
  static constexpr OpInfo op{"svd", "a"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Shape u = in[0].shape(), v = u, s = batch_of(in[0]);
    const std::int64_t m = in[0].size(-2), n = in[0].size(-1), k = std::min(m, n);
    u[u.ndim() - 1] = v[v.ndim() - 1] = k;
    v[v.ndim() - 2] = n;
    s.push_back(k);
    Spec spec(u, in[0].dtype());
    spec.outputs.emplace_back(s, in[0].dtype());
    spec.outputs.emplace_back(v, in[0].dtype());
    spec.save_outputs = 0b111;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::svd(l.in(0), l.out(0), l.out(1), l.out(2));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    return {ops::svd_gradient(c.out(0), c.out(1), c.out(2), c.grad(0), c.grad(1), c.grad(2))};
  }
};

constexpr OpInfo solve_info{"solve", "a, b"};

template <class F>
Tensor of_square(const Tensor& a, At at) {
  return ops::composed(F::op, {&a}, at, [&] {
    check_square(a);
    const Tensor rows = ops::row_major(a, at);
    return apply(F(), {&rows}, at);
  });
}

/// All outputs of a factorization of matrices of any shape.
template <class F>
TensorList factors_of(const Tensor& a, At at) {
  return ops::composed(F::op, {&a}, at, [&] {
    check_matrices(a, "a");
    const Tensor rows = ops::row_major(a, at);
    return apply_all(F(), {&rows}, at);
  });
}

}  // namespace

Tensor cholesky(const Tensor& a, At at) { return of_square<Cholesky>(a, at); }
Tensor inverse(const Tensor& a, At at) { return of_square<Inverse>(a, at); }
Tensor det(const Tensor& a, At at) { return of_square<Determinant>(a, at); }

Tensor solve(const Tensor& a, const Tensor& b, At at) {
  return ops::composed(solve_info, {&a, &b}, at, [&] {
    check_square(a);
    ops::check_dtype(b, "b", a.dtype());
    const bool vectors = b.ndim() == a.ndim() - 1;
    const Tensor columns = ops::row_major(vectors ? b.unsqueeze(-1, at) : b, at), rows = ops::row_major(a, at);
    Shape expected = batch_of(a);
    expected.push_back(a.size(-1));
    expected.push_back(columns.ndim() ? columns.size(-1) : 1);
    if (columns.shape() != expected) TASUKI_THROW(ShapeError, "expected  b of the batch of a, with as many rows\nactual    ", a.shape(), " and ", b.shape());
    const TensorList factors = apply_all(Factorize(), {&rows}, at);
    const Tensor x = apply(Solve(false), {&rows, &columns, &factors[0], &factors[1]}, at);
    return vectors ? x.squeeze(-1, at) : x;
  });
}

QrResult qr(const Tensor& a, At at) {
  const TensorList factors = factors_of<Qr>(a, at);
  return {factors[0], factors[1]};
}

SvdResult svd(const Tensor& a, At at) {
  const TensorList factors = factors_of<Svd>(a, at);
  return {factors[0], factors[1], factors[2]};
}

}  // namespace tasuki
