#include "tasuki/ops/aggregate.hpp"

#include <cmath>

#include "kernels/dispatch.hpp"
#include "kernels/logsumexp.hpp"
#include "kernels/product_backward.hpp"
#include "kernels/reduce.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/products.hpp"
#include "src/ops/single_precision.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using kernels::cpu::DimMask;

/// x's shape with the size 1 at the reduced dimensions, and without them.
struct ReducedShape {
  Dims dims;
  Shape kept_dims, shape;
  std::int64_t count = 1;
  DimMask mask = 0;
  ReducedShape(const Tensor& x, const Dims& requested) : dims(normalize_dims(requested, x.ndim())), kept_dims(x.shape()) {
    for (const std::int64_t d : dims) {
      mask |= DimMask{1} << d;
      count *= x.size(static_cast<int>(d));
      kept_dims[static_cast<int>(d)] = 1;
    }
    for (int d = 0; d < x.ndim(); ++d)
      if (!(mask >> d & 1u)) shape.push_back(x.size(d));
  }
  Tensor finished(const Tensor& y, bool keepdim, At at) const { return y.reshape(keepdim ? kept_dims : shape, at); }
  /// For ops that reduce one dimension: several are joined to a last one.
  template <class Reduce>
  Tensor along_lines(const Tensor& x, bool keepdim, At at, Reduce&& reduce) const {
    if (dims.ndim() == 1) return finished(reduce(x, static_cast<int>(dims[0])), keepdim, at);
    if (x.ndim() == 0) return reduce(x, 0);
    Dims order;
    for (int d = 0; d < x.ndim(); ++d)
      if (!(mask >> d & 1u)) order.push_back(d);
    for (const std::int64_t d : dims) order.push_back(d);
    Shape lines = shape;
    lines.push_back(count);
    return finished(reduce(x.permute(order, at).reshape(lines, at), shape.ndim()), keepdim, at);
  }
};

/// Over one dimension, which stays with size 1.
struct AlongDim : Function {
  int dim;
  explicit AlongDim(int d) : dim(d) {}
  std::string attributes() const override { return "dim=" + std::to_string(dim); }
  Spec infer(const Operands& in) override {
    Shape shape = in[0].shape();
    if (shape.ndim()) shape[dim] = 1;
    Spec spec(shape, in[0].dtype());
    if (in.recording()) {
      spec.save_inputs = 1;
      spec.save_outputs = 1;
    }
    spec.flops = static_cast<double>(in[0].numel());
    return spec;
  }
};

struct Prod final : AlongDim {
  using AlongDim::AlongDim;
  static constexpr OpInfo op{"prod", "x"};
  const OpInfo& info() const override { return op; }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::product(l.in(0), l.out(0), l.in(0).ndim ? DimMask{1} << dim : 0);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const auto [grad, accumulate] = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::product_backward(b.grad_out(0), b.out(0), b.in(0), dim, grad, accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor x = c.in(0);
    return {x.numel() ? ops::product_of_others(x, dim) * c.grad(0) : x};
  }
};

struct LogSumExp final : AlongDim {
  using AlongDim::AlongDim;
  static constexpr OpInfo op{"logsumexp", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::logsumexp(l.in(0), l.out(0), dim);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {(c.in(0) - c.out(0)).exp() * c.grad(0)}; }
};

/// Over the dimensions of a mask, which stay with size 1.
struct OverMask : Function {
  DimMask mask;
  Shape shape;
  OverMask(DimMask m, const Shape& s) : mask(m), shape(s) {}
  Spec reduced(const Operands& in, bool saves_output, double flops_per_element) const {
    Spec spec(shape, in[0].dtype());
    if (in.recording()) {
      spec.save_inputs = 1;
      spec.save_outputs = saves_output;
    }
    spec.flops = flops_per_element * static_cast<double>(in[0].numel());
    return spec;
  }
};

struct EuclideanNorm final : OverMask {
  using OverMask::OverMask;
  static constexpr OpInfo op{"norm", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return reduced(in, true, 2); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::norm(l.in(0), l.out(0), mask);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor y = c.out(0), nothing = y.eq(0);
    return {c.in(0) * masked_fill(c.grad(0) / masked_fill(y, nothing, 1), nothing, 0)};
  }
};

struct NanSum final : OverMask {
  using OverMask::OverMask;
  static constexpr OpInfo op{"nansum", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return reduced(in, false, 1); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::nansum(l.in(0), l.out(0), mask);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {masked_fill(c.grad(0).expand(c.in_shape(0)), isnan(c.in(0)), 0)}; }
};

/// f(x), with slope 0 where x is 0.
template <class F>
Tensor flat_at_zero(const Tensor& x, F&& f) {
  const Tensor zero = x.eq(0);
  return masked_fill(f(masked_fill(x, zero, 1)), zero, 0);
}

Tensor nonzero_flags(const Tensor& x) { return x.dtype() == bool_ ? x : x.ne(0); }

constexpr OpInfo std_info{"std", "x"}, count_info{"count_nonzero", "x"}, any_info{"any", "x"}, all_info{"all", "x"};
constexpr OpInfo normalize_info{"normalize", "x"}, var_mean_info{"var_mean", "x"}, std_mean_info{"std_mean", "x"}, aminmax_info{"aminmax", "x"},
    nanmean_info{"nanmean", "x"};

/// (sum |x|^p)^(1/p), in f32 or wider.
Tensor p_norm(const Tensor& x, double p, const ReducedShape& over, At at) {
  const Tensor magnitude = x.abs(at);
  if (p == 0) return sum(abs(sign(nan_to_num(x, 1, 1, 1, at), at), at), over.dims, true, at);
  if (p == 1) return sum(magnitude, over.dims, true, at);
  if (std::isinf(p)) return p > 0 ? amax(magnitude, over.dims, true, at) : amin(magnitude, over.dims, true, at);
  const auto to_the_power = [&](const Tensor& t) { return t.pow({p, at}); };
  const Tensor total = sum(p > 0 && p < 2 ? flat_at_zero(magnitude, to_the_power) : to_the_power(magnitude), over.dims, true, at);
  return flat_at_zero(total, [&](const Tensor& t) { return t.pow({1 / p, at}); });
}

}  // namespace

Tensor prod(const Tensor& x, At at) { return prod(x, {}, false, at); }
Tensor prod(const Tensor& x, const Dims& requested, bool keepdim, At at) {
  return ops::composed(Prod::op, {&x}, at, [&] {
    const ReducedShape over(x, requested);
    const Tensor wide = is_floating(x.dtype()) ? x : x.to(i64, at);
    return over.along_lines(wide, keepdim, at, [&](const Tensor& lines, int dim) { return apply(Prod(dim), {&lines}, at); });
  });
}

Tensor std(const Tensor& x, const Dims& dims, const VarOptions& options, At at) {
  return ops::composed(std_info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    const Tensor variance = var(x, normalize_dims(dims, x.ndim()), options, at);
    return flat_at_zero(variance, [&](const Tensor& v) { return v.sqrt(at); });
  });
}

Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim, At at) {
  return ops::composed(EuclideanNorm::op, {&x}, at, [&] {
    ops::check_floating(x, "x");
    if (std::isnan(p)) TASUKI_THROW(ValueError, "expected  p that is a number\nactual    ", p);
    const ReducedShape over(x, dims);
    if (p == 2) return over.finished(apply(EuclideanNorm(over.mask, over.kept_dims), {&x}, at), keepdim, at);
    if (over.count == 0 && p < 0) TASUKI_THROW(ShapeError, "expected  at least one element along the reduced dimensions where p < 0\nactual    shape ", x.shape());
    return ops::in_single_precision(x, at, [&](const Tensor& wide) { return over.finished(p_norm(wide, over.count == 0 ? 1 : p, over, at), keepdim, at); });
  });
}

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim, At at) {
  return ops::composed(LogSumExp::op, {&x}, at, [&] {
    ops::check_floating(x, "x");
    const ReducedShape over(x, dims);
    return over.along_lines(x, keepdim, at, [&](const Tensor& lines, int dim) { return apply(LogSumExp(dim), {&lines}, at); });
  });
}

Tensor normalize(const Tensor& x, const NormalizeOptions& o, At at) {
  return ops::composed(normalize_info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    return x.div({clamp_min(norm(x, o.p, normalize_dim(o.dim, x.ndim()), true, at), o.eps, at), at});
  });
}

VarMeanResult var_mean(const Tensor& x, const Dims& dims, const VarOptions& options, At at) {
  return ops::composed(var_mean_info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    const Dims over = normalize_dims(dims, x.ndim());
    return VarMeanResult{var(x, over, options, at), mean(x, over, options.keepdim, at)};
  });
}
StdMeanResult std_mean(const Tensor& x, const Dims& dims, const VarOptions& options, At at) {
  return ops::composed(std_mean_info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    const Dims over = normalize_dims(dims, x.ndim());
    return StdMeanResult{std(x, over, options, at), mean(x, over, options.keepdim, at)};
  });
}

AminmaxResult aminmax(const Tensor& x, const Dims& dims, bool keepdim, At at) {
  return ops::composed(aminmax_info, {&x}, at, [&] {
    const Dims over = normalize_dims(dims, x.ndim());
    return AminmaxResult{amin(x, over, keepdim, at), amax(x, over, keepdim, at)};
  });
}

Tensor nansum(const Tensor& x, const Dims& dims, bool keepdim, At at) {
  return ops::composed(NanSum::op, {&x}, at, [&] {
    ops::check_floating(x, "x");
    const ReducedShape over(x, dims);
    return over.finished(apply(NanSum(over.mask, over.kept_dims), {&x}, at), keepdim, at);
  });
}
Tensor nanmean(const Tensor& x, const Dims& dims, bool keepdim, At at) {
  return ops::composed(nanmean_info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    return ops::in_single_precision(x, at, [&](const Tensor& wide) {
      const Dims over = normalize_dims(dims, x.ndim());
      const Tensor numbers = wide.detach(), count = sum(numbers.eq({numbers, at}), over, keepdim, at).to(wide.dtype(), at);
      return nansum(wide, over, keepdim, at).div({count, at});
    });
  });
}

Tensor count_nonzero(const Tensor& x, const Dims& dims, At at) {
  return ops::composed(count_info, {&x}, at, [&] { return sum(nonzero_flags(x), normalize_dims(dims, x.ndim()), false, at); });
}
Tensor any(const Tensor& x, const Dims& dims, bool keepdim, At at) {
  return ops::composed(any_info, {&x}, at, [&] { return sum(nonzero_flags(x), normalize_dims(dims, x.ndim()), keepdim, at).gt({0, at}); });
}
Tensor all(const Tensor& x, const Dims& dims, bool keepdim, At at) {
  return ops::composed(all_info, {&x}, at, [&] { return sum(x.eq({0, at}), normalize_dims(dims, x.ndim()), keepdim, at).eq({0, at}); });
}

}  // namespace tasuki
