// Of ops/linalg.hpp: the triangular factors of any matrix.
#include <algorithm>

#include "kernels/dispatch.hpp"
#include "src/cpu/linalg.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/matrix_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/linalg.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using ops::matrices_transposed;

std::int64_t rank_of(const Tensor& a) { return std::min(a.size(-2), a.size(-1)); }
/// The first k columns below the diagonal, with ones on it that a replay can make again.
Tensor lower_of(const Tensor& factors) {
  const Tensor columns = factors.narrow(-1, 0, rank_of(factors));
  return tril(columns, -1) + tril(triu(columns.pow(0)));
}
Tensor upper_of(const Tensor& factors) { return triu(factors.narrow(-2, 0, rank_of(factors))); }

struct Lu final : Function {
  static constexpr OpInfo op{"lu_factor", "a"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    const std::int64_t k = rank_of(in[0]);
    Shape pivots = ops::batch_of_matrices(in[0]), places = pivots;
    pivots.push_back(k);
    places.push_back(in[0].size(-2));
    Spec spec(in[0].shape(), in[0].dtype());
    spec.outputs.emplace_back(pivots, i32);
    spec.outputs.emplace_back(places, i64);
    spec.save_outputs = 0b101;
    spec.flops = static_cast<double>(in[0].numel()) * static_cast<double>(k);
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return cpu::lu(l.in(0), l.out(0), l.out(1), l.out(2));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    // With b = p^T a, of which b1 are the first k rows and columns: b1 = l1 u1, and the rest is l2 u1 or l1 u2. From d b1 follow
    // d l1 = l1 tril(l1^-1 db1 u1^-1, -1) and d u1 = triu(l1^-1 db1 u1^-1) u1; what follows are the adjoints.
    const Tensor factors = c.out(0), places = c.out(2), g = c.grad(0);
    const std::int64_t m = factors.size(-2), n = factors.size(-1), k = rank_of(factors);
    const Tensor lower = lower_of(factors).narrow(-2, 0, k), upper = upper_of(factors).narrow(-1, 0, k);
    const Tensor lower_back = matrices_transposed(inverse(lower)), upper_back = matrices_transposed(inverse(upper));
    Tensor grad_lower = g.narrow(-2, 0, k).narrow(-1, 0, k), grad_upper = grad_lower, rest;
    if (m > n) {
      rest = matmul(g.narrow(-2, k, m - k), upper_back);
      grad_upper = grad_upper - matmul(matrices_transposed(factors.narrow(-2, k, m - k)), rest);
    } else if (n > m) {
      rest = matmul(lower_back, g.narrow(-1, k, n - k));
      grad_lower = grad_lower - matmul(rest, matrices_transposed(factors.narrow(-1, k, n - k)));
    }
    const Tensor core = tril(matmul(matrices_transposed(lower), grad_lower), -1) + triu(matmul(grad_upper, matrices_transposed(upper)));
    const Tensor first = matmul(matmul(lower_back, core), upper_back);
    const Tensor whole = rest.defined() ? cat({first, rest}, m > n ? -2 : -1) : first;
    return {gather(whole, -2, places.unsqueeze(-1).expand(whole.shape()))};
  }
};

constexpr OpInfo lu_info{"lu", "a"};

TensorList factors_of(const OpInfo& info, const Tensor& a, At at) {
  return ops::composed(info, {&a}, at, [&] {
    ops::check_matrices(a, "a");
    const Tensor rows = ops::row_major(a, at);
    return apply_all(Lu(), {&rows}, at);
  });
}

}  // namespace

LuFactorResult lu_factor(const Tensor& a, At at) {
  const TensorList factors = factors_of(Lu::op, a, at);
  return {factors[0], factors[1]};
}

LuResult lu(const Tensor& a, At at) {
  const TensorList factors = factors_of(lu_info, a, at);
  const Tensor columns = arange(0, a.size(-2), 1, {.dtype = i64, .device = a.device()});
  return {factors[2].unsqueeze(-1, at).eq({columns, at}).to(a.dtype(), at), lower_of(factors[0]), upper_of(factors[0])};
}

}  // namespace tasuki
