// Of ops/linalg.hpp: eigenvalues, pseudoinverses, logarithms of determinants, powers.
#include <algorithm>
#include <limits>

#include "kernels/dispatch.hpp"
#include "src/cpu/linalg.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/matrix_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/linalg.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using ops::matrices_transposed;

struct Eigh final : Function {
  static constexpr OpInfo op{"eigh", "a"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Shape values = ops::batch_of_matrices(in[0]);
    values.push_back(in[0].size(-1));
    Spec spec(values, in[0].dtype());
    spec.outputs.emplace_back(in[0].shape(), in[0].dtype());
    spec.save_outputs = 0b11;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::eigh(l.in(0), l.out(0), l.out(1));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    // v (diag(grad values) + (v^T grad v) / gaps) v^T, made symmetric, where gaps[i, j] = values[j] - values[i] off the diagonal.
    const Tensor w = c.out(0), v = c.out(1), turned = matrices_transposed(v);
    if (!c.grad(1).defined()) return {matmul(v * c.grad(0).unsqueeze(-2), turned)};  // symmetric as it is
    const Tensor one = eye(w.size(-1), {}, {.dtype = w.dtype(), .device = w.device()}), gaps = w.unsqueeze(-2) - w.unsqueeze(-1) + one;
    Tensor core = matmul(turned, c.grad(1)) * (1.0 - one) / gaps;
    if (c.grad(0).defined()) core = core + c.grad(0).unsqueeze(-1) * one;
    const Tensor g = matmul(matmul(v, core), turned);
    return {(g + matrices_transposed(g)) * 0.5};
  }
};

struct Pinv final : Function {
  double rcond;
  explicit Pinv(double r) : rcond(r) {}
  static constexpr OpInfo op{"pinv", "a"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return detail::concat({"rcond=", rcond}); }
  Spec infer(const Operands& in) override {
    Shape shape = in[0].shape();
    std::swap(shape[shape.ndim() - 1], shape[shape.ndim() - 2]);
    Spec spec(shape, in[0].dtype());
    spec.save_inputs = 1;
    spec.save_outputs = 1;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::pinv(l.in(0), rcond, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    // G. Golub and V. Pereyra (1973): -p^T g p^T + (1 - a p) g^T p p^T + p^T p g^T (1 - p a).
    const Tensor a = c.in(0), p = c.out(0), pt = matrices_transposed(p), gt = matrices_transposed(c.grad(0));
    const Tensor first = matmul(matmul(gt, p), pt), second = matmul(pt, matmul(p, gt));
    const Tensor inner = matmul(matmul(pt, c.grad(0)), pt);
    return {first - matmul(a, matmul(p, first)) + second - matmul(matmul(second, p), a) - inner};
  }
};

struct Slogdet final : Function {
  static constexpr OpInfo op{"slogdet", "a"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec(ops::batch_of_matrices(in[0]), in[0].dtype());
    spec.outputs.push_back(spec.outputs[0]);
    spec.save_inputs = 1;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::slogdet(l.in(0), l.out(0), l.out(1));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    if (!c.grad(1).defined()) return {zeros(c.in_shape(0), {.dtype = c.in(0).dtype(), .device = c.in(0).device()})};
    return {matrices_transposed(inverse(c.in(0))) * c.grad(1).unsqueeze(-1).unsqueeze(-1)};
  }
};

constexpr OpInfo power_info{"matrix_power", "a"};

}  // namespace

EighResult eigh(const Tensor& a, At at) {
  return ops::composed(Eigh::op, {&a}, at, [&] {
    ops::check_square(a);
    const Tensor rows = ops::row_major(a, at);
    const TensorList factors = apply_all(Eigh(), {&rows}, at);
    return EighResult{factors[0], factors[1]};
  });
}

Tensor pinv(const Tensor& a, double rcond, At at) {
  return ops::composed(Pinv::op, {&a}, at, [&] {
    ops::check_matrices(a, "a");
    const double epsilon = a.dtype() == f64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
    const Tensor rows = ops::row_major(a, at);
    return apply(Pinv(rcond < 0 ? epsilon * static_cast<double>(std::max(a.size(-1), a.size(-2))) : rcond), {&rows}, at);
  });
}

SlogdetResult slogdet(const Tensor& a, At at) {
  return ops::composed(Slogdet::op, {&a}, at, [&] {
    ops::check_square(a);
    const Tensor rows = ops::row_major(a, at);
    const TensorList parts = apply_all(Slogdet(), {&rows}, at);
    return SlogdetResult{parts[0], parts[1]};
  });
}

Tensor matrix_power(const Tensor& a, std::int64_t n, At at) {
  return ops::composed(power_info, {&a}, at, [&] {
    ops::check_square(a);
    if (n == 0) return tril(triu(a.pow({0, at}), 0, at), 0, at);  // on the tape, as for any other n
    Tensor square = n < 0 ? inverse(a, at) : a, product;
    for (std::uint64_t rest = n < 0 ? -static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);;) {
      if (rest & 1u) product = product.defined() ? matmul(product, square, at) : square;
      rest >>= 1;
      if (rest == 0) return product;
      square = matmul(square, square, at);
    }
  });
}

}  // namespace tasuki
