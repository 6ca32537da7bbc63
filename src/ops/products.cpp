#include "tasuki/ops/products.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/matrix_vector.hpp"
#include "src/cpu/gemm.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/linear_in_f32.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/single_precision.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo mm_info{"mm", "a, b"}, dot_info{"dot", "a, b"}, addmm_info{"addmm", "x, a, b"}, baddbmm_info{"baddbmm", "x, a, b"},
    tensordot_info{"tensordot", "a, b"}, cdist_info{"cdist", "a, b"};
constexpr OpInfo bilinear_info{"bilinear", "a, b, weight, bias"};

void check_dims(const Tensor& x, const char* name, int dims) {
  if (x.ndim() != dims) TASUKI_THROW(ShapeError, "expected  ", name, " of ", dims, dims == 1 ? " dimension" : " dimensions", "\nactual    shape ", x.shape());
}

/// a b, or a^T b, for a matrix whose rows have no gaps and a vector.
struct MatrixVector final : Function {
  bool transposed;
  explicit MatrixVector(bool t) : transposed(t) {}
  static constexpr OpInfo op{"mv", "a, b"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return transposed ? "transposed" : ""; }
  Spec infer(const Operands& in) override {
    Spec spec({in[0].size(transposed ? 1 : 0)}, in[0].dtype());
    if (in.needs_grad(0)) spec.save_inputs |= 0b10;
    if (in.needs_grad(1)) spec.save_inputs |= 0b01;
    spec.flops = 2.0 * static_cast<double>(in[0].numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::matrix_vector(l.in(0), transposed, l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor g = ops::row_major(c.grad(0), At());
    TensorList grads(2);
    if (c.needs(0)) grads[0] = transposed ? c.in(1).unsqueeze(1) * g : g.unsqueeze(1) * c.in(1);
    if (c.needs(1)) {
      const Tensor a = c.in(0);
      const bool is_dot = !transposed && a.size(0) == 1;  // whose gradient is a multiple of a
      grads[1] = is_dot ? a.squeeze(0) * g : apply(MatrixVector(!transposed), {&a, &g});
    }
    return grads;
  }
};

/// Of triples along the last dimension, without gaps.
struct VectorProduct final : Function {
  static constexpr OpInfo op{"cross", "a, b"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec = Spec::like(in[0]);
    if (in.needs_grad(0)) spec.save_inputs |= 0b10;
    if (in.needs_grad(1)) spec.save_inputs |= 0b01;
    spec.flops = 3.0 * static_cast<double>(in[0].numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::vector_product(l.in(0), l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor g = ops::row_major(c.grad(0), At());
    const auto product = [](const Tensor& x, const Tensor& y) {
      const Tensor left = ops::row_major(x, At()), right = ops::row_major(y, At());
      return apply(VectorProduct(), {&left, &right});
    };
    return {c.needs(0) ? product(c.in(1), g) : Tensor(), c.needs(1) ? product(g, c.in(0)) : Tensor()};
  }
};

/// The product of a matrix and a vector of one floating dtype that fit each other; others are for matmul and its messages.
Tensor times_vector(const Tensor& a, const Tensor& b, At at) {
  if (!is_floating(a.dtype()) || a.dtype() != b.dtype() || a.size(1) != b.size(0)) return matmul(a, b, at);
  const Tensor vector = ops::row_major(b, at);
  if (a.stride(0) == 1 && a.stride(1) >= a.size(0) && a.size(1) > 1) {
    const Tensor rows = a.transpose(0, 1, at);
    return apply(MatrixVector(true), {&rows, &vector}, at);
  }
  const Tensor rows = a.stride(1) == 1 ? a : ops::row_major(a, at);
  return apply(MatrixVector(false), {&rows, &vector}, at);
}

/// matmul of operands of given numbers of dimensions.
Tensor product(const OpInfo& info, const Tensor& a, int a_dims, const Tensor& b, int b_dims, At at) {
  return ops::composed(info, {&a, &b}, at, [&] {
    check_dims(a, "a", a_dims);
    check_dims(b, "b", b_dims);
    return matmul(a, b, at);
  });
}

Tensor product_plus(const OpInfo& info, int dims, const Tensor& x, const Tensor& a, const Tensor& b, const AddmmOptions& o, At at) {
  return ops::composed(info, {&x, &a, &b}, at, [&] {
    ops::check_floating(x, "x");
    check_dims(a, "a", dims);
    check_dims(b, "b", dims);
    if (dims == 3) TASUKI_CHECK_OP(ShapeError, a.size(0), ==, b.size(0));
    Tensor y = matmul(a, b, at);
    if (broadcast_shapes(x.shape(), y.shape()) != y.shape()) TASUKI_THROW(ShapeError, "expected  x that broadcasts to ", y.shape(), "\nactual    ", x.shape());
    if (o.alpha != 1) y = y.mul({o.alpha, at});
    if (o.beta == 0) return y;
    return y.add({o.beta == 1 ? x : x.mul({o.beta, at}), at});
  });
}

/// Matrices whose rows (or columns) are the dimensions `summed`.
Tensor as_matrix(const Tensor& x, const Dims& summed, bool summed_last, Shape& kept, At at) {
  bool is_summed[max_dims] = {};
  std::int64_t count = 1;
  for (const std::int64_t d : summed) {
    is_summed[d] = true;
    count *= x.size(static_cast<int>(d));
  }
  Dims others, order;
  std::int64_t rest = 1;
  for (int d = 0; d < x.ndim(); ++d)
    if (!is_summed[d]) {
      others.push_back(d);
      kept.push_back(x.size(d));
      rest *= x.size(d);
    }
  const Dims &first = summed_last ? others : summed, &second = summed_last ? summed : others;
  for (const Dims* part : {&first, &second})
    for (const std::int64_t d : *part) order.push_back(d);
  return x.permute(order, at).reshape(summed_last ? Shape{rest, count} : Shape{count, rest}, at);
}

/// Roots, with slope 0 at 0.
Tensor root(const Tensor& squares, At at) {
  const Tensor zero = squares.le({0, at});
  return masked_fill(masked_fill(squares, zero, 1, at).sqrt(at), zero, 0, at);
}

}  // namespace

Tensor mm(const Tensor& a, const Tensor& b, At at) { return product(mm_info, a, 2, b, 2, at); }
Tensor mv(const Tensor& a, const Tensor& b, At at) {
  return ops::composed(MatrixVector::op, {&a, &b}, at, [&] {
    check_dims(a, "a", 2);
    check_dims(b, "b", 1);
    return times_vector(a, b, at);
  });
}
Tensor dot(const Tensor& a, const Tensor& b, At at) {
  return ops::composed(dot_info, {&a, &b}, at, [&] {
    check_dims(a, "a", 1);
    check_dims(b, "b", 1);
    TASUKI_CHECK_OP(ShapeError, a.size(0), ==, b.size(0));
    return times_vector(a.unsqueeze(0, at), b, at).squeeze(0, at);
  });
}

Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, const AddmmOptions& o, At at) { return product_plus(addmm_info, 2, x, a, b, o, at); }
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, const AddmmOptions& o, At at) { return product_plus(baddbmm_info, 3, x, a, b, o, at); }

Tensor tensordot(const Tensor& a, const Tensor& b, const Dims& dims_a, const Dims& dims_b, At at) {
  return ops::composed(tensordot_info, {&a, &b}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, dims_a.ndim(), ==, dims_b.ndim(), "dimensions are summed in pairs");
    const Dims of_a = dims_a.empty() ? dims_a : normalize_dims(dims_a, a.ndim()), of_b = dims_b.empty() ? dims_b : normalize_dims(dims_b, b.ndim());
    for (int k = 0; k < of_a.ndim(); ++k) {
      const std::int64_t m = a.size(static_cast<int>(of_a[k])), n = b.size(static_cast<int>(of_b[k]));
      if (m != n) TASUKI_THROW(ShapeError, "expected  a.size(", of_a[k], ") == b.size(", of_b[k], ")\nactual    ", m, " != ", n);
    }
    Shape result;
    const Tensor left = as_matrix(a, of_a, true, result, at), right = as_matrix(b, of_b, false, result, at);
    return matmul(left, right, at).reshape(result, at);
  });
}

Tensor tensordot(const Tensor& a, const Tensor& b, int dims, At at) {
  return ops::composed(tensordot_info, {&a, &b}, at, [&] {
    TASUKI_CHECK(ShapeError, dims >= 0 && dims <= a.ndim() && dims <= b.ndim(), "dims is ", dims);
    Dims of_a, of_b;
    for (int k = 0; k < dims; ++k) {
      of_a.push_back(a.ndim() - dims + k);
      of_b.push_back(k);
    }
    return tensordot(a, b, of_a, of_b, at);
  });
}

Tensor bilinear(const Tensor& a, const Tensor& b, const Tensor& weight, const Tensor& bias, At at) {
  return ops::composed(bilinear_info, {&a, &b, &weight, &bias}, at, [&] {
    ops::check_floating(a, "a");
    ops::check_dtype(b, "b", a.dtype());
    ops::check_dtype(weight, "weight", a.dtype());
    TASUKI_CHECK_OP(ShapeError, weight.ndim(), ==, 3, "weight is [out, features of a, features of b]");
    TASUKI_CHECK_OP(ShapeError, a.ndim(), >=, 1);
    TASUKI_CHECK_OP(ShapeError, b.ndim(), >=, 1);
    TASUKI_CHECK_OP(ShapeError, a.size(-1), ==, weight.size(1));
    TASUKI_CHECK_OP(ShapeError, b.size(-1), ==, weight.size(2));
    Shape leading(a.shape().data(), a.shape().size() - 1), rows(b.shape().data(), b.shape().size() - 1);
    if (!(leading == rows)) TASUKI_THROW(ShapeError, "expected  as many rows of a and of b\nactual    ", leading, " and ", rows);
    if (bias.defined()) {
      ops::check_dtype(bias, "bias", a.dtype());
      ops::check_shape(bias, "bias", {weight.size(0)});
    }
    const std::int64_t out = weight.size(0), m = weight.size(1), n = weight.size(2), count = leading.numel();
    const Tensor rows_of_a = a.reshape({count, m}, at);
    const bool of_bf16 = a.dtype() == bf16 && cpu::is_fast_with_bf16();  // the large product takes half the time then, and loses nothing
    const Tensor by_a = of_bf16 ? ops::linear_in_f32(rows_of_a, weight.permute({0, 2, 1}, at).reshape({out * n, m}, at), {}, at)
                                : matmul(ops::widened(rows_of_a, at), ops::widened(weight, at).permute({1, 0, 2}, at).reshape({m, out * n}, at), at);
    const Tensor y = matmul(by_a.reshape({count, out, n}, at), ops::widened(b, at).reshape({count, n, 1}, at), at);
    Shape shape = leading;
    shape.push_back(out);
    const Tensor products = y.reshape(shape, at);
    return (bias.defined() ? products.add({ops::widened(bias, at), at}) : products).to(a.dtype(), at);
  });
}

Tensor cross(const Tensor& a, const Tensor& b, int dim, At at) {
  return ops::composed(VectorProduct::op, {&a, &b}, at, [&] {
    ops::check_dtype(b, "b", a.dtype());
    const Shape shape = broadcast_shapes(a.shape(), b.shape());
    TASUKI_CHECK_OP(ShapeError, shape.ndim(), >=, 1);
    const int d = normalize_dim(dim, shape.ndim());
    if (shape[d] != 3) TASUKI_THROW(ShapeError, "expected  vectors of 3 elements along dimension ", d, "\nactual    ", shape[d]);
    const Tensor left = a.expand(shape, at), right = b.expand(shape, at);
    if (is_floating(a.dtype())) {
      const Tensor first = ops::row_major(left.transpose(d, -1, at), at), second = ops::row_major(right.transpose(d, -1, at), at);
      return apply(VectorProduct(), {&first, &second}, at).transpose(d, -1, at);
    }
    const auto turned = [&](const Tensor& x, int by) { return roll(x, by, d, at); };
    return turned(left, -1).mul({turned(right, -2), at}).sub({turned(left, -2).mul({turned(right, -1), at}), at});
  });
}

Tensor cdist(const Tensor& a, const Tensor& b, double p, At at) {
  return ops::composed(cdist_info, {&a, &b}, at, [&] {
    ops::check_floating(a, "a");
    ops::check_dtype(b, "b", a.dtype());
    TASUKI_CHECK_OP(ShapeError, a.ndim(), >=, 2);
    TASUKI_CHECK_OP(ShapeError, b.ndim(), >=, 2);
    TASUKI_CHECK_OP(ShapeError, a.size(-1), ==, b.size(-1));
    if (!(p >= 0)) TASUKI_THROW(ValueError, "expected  p >= 0\nactual    ", p);
    if (ops::is_half(a)) return cdist(ops::widened(a, at), ops::widened(b, at), p, at).to(a.dtype(), at);
    constexpr std::int64_t few = 25;
    if (p != 2 || (a.size(-2) <= few && b.size(-2) <= few)) return norm(a.unsqueeze(-2, at).sub({b.unsqueeze(-3, at), at}), p, -1, false, at);
    const Tensor columns = b.transpose(-2, -1, at);
    const Tensor lengths = sum(a.square(at), -1, true, at).add({sum(columns.square(at), -2, true, at), at});
    return root(lengths.sub({matmul(a, columns, at).mul({2, at}), at}), at);
  });
}

}  // namespace tasuki
