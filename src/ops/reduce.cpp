#include "tasuki/ops/reduce.hpp"

#include <limits>

#include "kernels/dispatch.hpp"
#include "kernels/reduce.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

using At = SourceLocation;
using kernels::cpu::DimMask;
using kernels::cpu::Extremum;

DimMask mask_of(const Dims& dims, int ndim) {
  DimMask mask = 0;
  for (const std::int64_t d : normalize_dims(dims, ndim)) mask |= DimMask{1} << d;
  return mask;
}

Shape reduced_shape(const Shape& shape, DimMask mask, bool keepdim) {
  Shape result;
  for (int d = 0; d < shape.ndim(); ++d) {
    if (!(mask >> d & 1u)) result.push_back(shape[d]);
    else if (keepdim) result.push_back(1);
  }
  return result;
}

std::int64_t reduced_count(const Shape& shape, DimMask mask) {
  std::int64_t n = 1;
  for (int d = 0; d < shape.ndim(); ++d)
    if (mask >> d & 1u) n *= shape[d];
  return n;
}

/// A reduced tensor (result or gradient) seen with x's shape again.
Tensor spread(const Tensor& g, const Shape& shape, DimMask mask) {
  return g.reshape(reduced_shape(shape, mask, true)).expand(shape);
}

void need_floating(const OpInfo& info, const Tensor& x) {
  if (!is_floating(x.dtype()))
    TASUKI_THROW(DTypeError, "expected  a floating dtype\nactual    ", x.dtype(), "\n", info.name, " divides; cast with .to(ts::f32) first");
}

/// dims and keepdim, as every reduction has them. The dims are resolved by infer, so that their errors name the op.
struct Reduction : Function {
  Dims dims;
  bool keepdim;
  DimMask mask = 0;
  Reduction(const Dims& d, bool k) : dims(d), keepdim(k) {}
  std::string attributes() const override { return "dims=" + dims.to_string() + (keepdim ? ", keepdim" : ""); }
  Spec reduced(const Tensor& x, DType dtype) {
    mask = mask_of(dims, x.ndim());
    Spec spec(reduced_shape(x.shape(), mask, keepdim), dtype);
    spec.flops = static_cast<double>(x.numel());
    return spec;
  }
};

struct Sum final : Reduction {
  using Reduction::Reduction;
  static constexpr OpInfo op{"sum", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return reduced(in[0], is_floating(in[0].dtype()) ? in[0].dtype() : i64); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::sum(l.in(0), l.out(0), mask, 1);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {spread(c.grad(0), c.in_shape(0), mask)}; }
};

struct SumTo final : Function {
  Shape shape;
  DimMask mask = 0;
  explicit SumTo(const Shape& s) : shape(s) {}
  static constexpr OpInfo op{"sum_to", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    const Shape& from = in[0].shape();
    const int added = from.ndim() - shape.ndim();
    bool fits = added >= 0;
    for (int d = 0; d < from.ndim() && fits; ++d) {
      const std::int64_t kept = d < added ? 1 : shape[d - added];
      fits = kept == from[d] || kept == 1;
      if (kept != from[d] || d < added) mask |= DimMask{1} << d;
    }
    if (!fits) TASUKI_THROW(ShapeError, "expected  a shape that broadcasts to ", from, "\nactual    ", shape);
    return Spec(shape, in[0].dtype());
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::sum(l.in(0), l.out(0), mask, 1);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {c.grad(0).expand(c.in_shape(0))}; }
};

/// The factor of a gradient. Where x is empty no element gets one, and infinity or NaN would only show in second derivatives.
double of_something(double factor, const GradContext& c) { return c.in_shape(0).numel() ? factor : 0; }

struct Mean final : Reduction {
  using Reduction::Reduction;
  double share = 0;
  static constexpr OpInfo op{"mean", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    need_floating(op, in[0]);
    Spec spec = reduced(in[0], in[0].dtype());
    share = 1.0 / static_cast<double>(reduced_count(in[0].shape(), mask));  // of nothing: 0 * inf = NaN
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::sum(l.in(0), l.out(0), mask, share);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {spread(c.grad(0) * of_something(share, c), c.in_shape(0), mask)}; }
};

struct Var final : Reduction {
  std::int64_t correction;
  double share = 0, mean_share = 0;
  Var(const Dims& d, const VarOptions& o) : Reduction(d, o.keepdim), correction(o.correction) {}
  static constexpr OpInfo op{"var", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    need_floating(op, in[0]);
    Spec spec = reduced(in[0], in[0].dtype());
    spec.outputs.push_back(OutputSpec::hidden_of(spec.outputs[0].shape, in[0].dtype()));
    spec.save_inputs = 1;
    const std::int64_t n = reduced_count(in[0].shape(), mask);
    mean_share = 1.0 / static_cast<double>(n);
    share = n > correction ? 1.0 / static_cast<double>(n - correction) : std::numeric_limits<double>::quiet_NaN();
    spec.flops = 4.0 * static_cast<double>(in[0].numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        kernels::cpu::sum(l.in(0), l.out(1), mask, mean_share);
        return kernels::cpu::sum_squared_deviations(l.in(0), l.out(1), l.out(0), mask, share);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor x = c.in(0);
    const Tensor deviation = x - mean(x, dims, true, At());
    return {deviation * spread(c.grad(0) * of_something(2 * share, c), c.in_shape(0), mask)};
  }
};

struct ExtremumOver final : Reduction {
  Extremum which;
  const OpInfo* name;
  ExtremumOver(const OpInfo& n, Extremum w, const Dims& d, bool k) : Reduction(d, k), which(w), name(&n) {}
  static constexpr OpInfo max_op{"max", "x", op_any_grad_layout}, min_op{"min", "x", op_any_grad_layout}, amax_op{"amax", "x", op_any_grad_layout},
      amin_op{"amin", "x", op_any_grad_layout};
  const OpInfo& info() const override { return *name; }
  Spec infer(const Operands& in) override {
    Spec spec = reduced(in[0], in[0].dtype());
    const std::int64_t elements = reduced_count(in[0].shape(), mask);
    TASUKI_CHECK_OP(ShapeError, elements, >, 0, "nothing has no largest or smallest element");
    spec.save_inputs = 1;
    spec.save_outputs = 1;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::extremum(l.in(0), l.out(0), mask, which);
      default: kernels::not_on(l.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor x = c.in(0).detach(), attained = x.eq(spread(c.out(0).detach(), x.shape(), mask)).to(c.in_dtype(0));
    return {attained * spread(c.grad(0) / sum(attained, dims, keepdim, At()), x.shape(), mask)};
  }
};

struct ArgExtremum final : Reduction {
  Extremum which;
  const OpInfo* name;
  ArgExtremum(const OpInfo& n, Extremum w, const Dims& d, bool k) : Reduction(d, k), which(w), name(&n) {}
  static constexpr OpInfo argmax_op{"argmax", "x", op_not_differentiable}, argmin_op{"argmin", "x", op_not_differentiable}, max_op{"max", "x", op_not_differentiable},
      min_op{"min", "x", op_not_differentiable};
  const OpInfo& info() const override { return *name; }
  Spec infer(const Operands& in) override {
    Spec spec = reduced(in[0], i64);
    if (reduced_count(in[0].shape(), mask) == 0)
      TASUKI_THROW(ShapeError, "expected  at least one element along the reduced dimensions\nactual    shape ", in[0].shape());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::arg_extremum(l.in(0), l.out(0), mask, which);
      default: kernels::not_on(l.device(), info().name);
    }
  }
};

ExtremumResult along(Extremum which, const Tensor& x, int dim, bool keepdim, At at) {
  const Tensor indices = apply(ArgExtremum(which == Extremum::max ? ArgExtremum::max_op : ArgExtremum::min_op, which, Dims(dim), true), {&x}, at);
  const Tensor values = x.ndim() ? gather(x, dim, indices, at) : x.clone(at);
  return keepdim || x.ndim() == 0 ? ExtremumResult{values, indices} : ExtremumResult{values.squeeze(dim, at), indices.squeeze(dim, at)};
}

}  // namespace

Tensor sum(const Tensor& x, At at) { return apply(Sum({}, false), {&x}, at); }
Tensor sum(const Tensor& x, const Dims& dims, bool keepdim, At at) { return apply(Sum(dims, keepdim), {&x}, at); }
Tensor sum_to(const Tensor& x, const Shape& shape, At at) { return x.shape() == shape ? x : apply(SumTo(shape), {&x}, at); }
Tensor mean(const Tensor& x, At at) { return apply(Mean({}, false), {&x}, at); }
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim, At at) { return apply(Mean(dims, keepdim), {&x}, at); }
Tensor var(const Tensor& x, const Dims& dims, const VarOptions& options, At at) { return apply(Var(dims, options), {&x}, at); }
Tensor max(const Tensor& x, At at) { return apply(ExtremumOver(ExtremumOver::max_op, Extremum::max, {}, false), {&x}, at); }
Tensor min(const Tensor& x, At at) { return apply(ExtremumOver(ExtremumOver::min_op, Extremum::min, {}, false), {&x}, at); }
Tensor amax(const Tensor& x, const Dims& dims, bool keepdim, At at) { return apply(ExtremumOver(ExtremumOver::amax_op, Extremum::max, dims, keepdim), {&x}, at); }
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim, At at) { return apply(ExtremumOver(ExtremumOver::amin_op, Extremum::min, dims, keepdim), {&x}, at); }
ExtremumResult max(const Tensor& x, int dim, bool keepdim, At at) { return along(Extremum::max, x, dim, keepdim, at); }
ExtremumResult min(const Tensor& x, int dim, bool keepdim, At at) { return along(Extremum::min, x, dim, keepdim, at); }
Tensor argmax(const Tensor& x, At at) { return apply(ArgExtremum(ArgExtremum::argmax_op, Extremum::max, {}, false), {&x}, at); }
Tensor argmin(const Tensor& x, At at) { return apply(ArgExtremum(ArgExtremum::argmin_op, Extremum::min, {}, false), {&x}, at); }
Tensor argmax(const Tensor& x, int dim, bool keepdim, At at) { return apply(ArgExtremum(ArgExtremum::argmax_op, Extremum::max, Dims(dim), keepdim), {&x}, at); }
Tensor argmin(const Tensor& x, int dim, bool keepdim, At at) { return apply(ArgExtremum(ArgExtremum::argmin_op, Extremum::min, Dims(dim), keepdim), {&x}, at); }

Tensor Tensor::sum(At at) const { return tasuki::sum(*this, at); }
Tensor Tensor::sum(const Dims& dims, bool keepdim, At at) const { return tasuki::sum(*this, dims, keepdim, at); }
Tensor Tensor::mean(At at) const { return tasuki::mean(*this, at); }
Tensor Tensor::mean(const Dims& dims, bool keepdim, At at) const { return tasuki::mean(*this, dims, keepdim, at); }
Tensor Tensor::max(At at) const { return tasuki::max(*this, at); }
Tensor Tensor::argmax(int dim, bool keepdim, At at) const { return tasuki::argmax(*this, dim, keepdim, at); }

}  // namespace tasuki
