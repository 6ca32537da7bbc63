#include "tasuki/ops/pad.hpp"

#include <algorithm>

#include "kernels/dispatch.hpp"
#include "kernels/pad.hpp"
#include "kernels/rearrange.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using kernels::cpu::Border;

constexpr OpInfo pad_info{"pad", "x", op_any_grad_layout}, border_info{"pad", "x"};

/// x's shape with before[d] and after[d] elements more.
Shape grown(const Shape& shape, const Shape& before, const Shape& after) {
  Shape result = shape;
  for (int d = 0; d < shape.ndim(); ++d) result[d] += before[d] + after[d];
  return result;
}

struct PadConstant final : Function {
  Shape before, after;  ///< by dimension, at least 0
  double value;
  PadConstant(const Shape& b, const Shape& a, double v) : before(b), after(a), value(v) {}
  const OpInfo& info() const override { return pad_info; }
  std::string attributes() const override { return "before=" + before.to_string() + ", after=" + after.to_string(); }
  Spec infer(const Operands& in) override { return Spec(grown(in[0].shape(), before, after), in[0].dtype()); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::pad_constant(l.in(0), before.data(), value, l.out(0));
      default: kernels::not_on(l.device(), pad_info.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    Tensor g = c.grad(0);
    for (int d = 0; d < before.ndim(); ++d)
      if (before[d] || after[d]) g = g.narrow(d, before[d], c.in_shape(0)[d]);
    return {g};
  }
};

/// The gradient of PadBorder, whose gradient is PadBorder.
struct FoldBorder final : Function {
  Shape before, shape;  ///< shape: of the result
  Border border;
  FoldBorder(const Shape& b, const Shape& s, Border m) : before(b), shape(s), border(m) {}
  static constexpr OpInfo op{"fold_border", "grad"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return Spec(shape, in[0].dtype()); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::pad_border_backward(l.in(0), before.ndim(), before.data(), border, l.out(0), false);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override;
};

struct PadBorder final : Function {
  Shape before, after;  ///< of the last dimensions alone
  Border border;
  PadBorder(const Shape& b, const Shape& a, Border m) : before(b), after(a), border(m) {}
  const OpInfo& info() const override { return border_info; }
  std::string attributes() const override { return "before=" + before.to_string() + ", after=" + after.to_string(); }
  Spec infer(const Operands& in) override {
    Shape shape = in[0].shape();
    const int first = shape.ndim() - before.ndim();
    for (int k = 0; k < before.ndim(); ++k) shape[first + k] += before[k] + after[k];
    Spec spec(shape, in[0].dtype());
    spec.backward_flops = static_cast<double>(shape.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::pad_border(l.in(0), before.ndim(), before.data(), border, l.out(0));
      default: kernels::not_on(l.device(), border_info.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const auto [grad, accumulate] = b.grad(0);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::pad_border_backward(b.grad_out(0), before.ndim(), before.data(), border, grad, accumulate);
      default: kernels::not_on(b.device(), border_info.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor g = ops::row_major(c.grad(0), At());
    return {apply(FoldBorder(before, c.in_shape(0), border), {&g})};
  }
};

TensorList FoldBorder::backward_graph(const GradContext& c) {
  Shape after;
  const int first = shape.ndim() - before.ndim();
  for (int k = 0; k < before.ndim(); ++k) after.push_back(c.in_shape(0)[first + k] - shape[first + k] - before[k]);
  const Tensor g = ops::row_major(c.grad(0), At());
  return {apply(PadBorder(before, after, border), {&g})};
}

Tensor pad_beyond_border(const Tensor& x, const Shape& before, const Shape& after, PadMode mode, At at) {
  int first = 0;
  while (first < x.ndim() && before[first] == 0 && after[first] == 0) ++first;
  if (first == x.ndim()) return x.clone(at);
  if (x.ndim() - first > 3) TASUKI_THROW(ShapeError, "expected  amounts for at most three dimensions, except of constants\nactual    for ", x.ndim() - first);
  Shape front, back;
  for (int d = first; d < x.ndim(); ++d) {
    const std::int64_t most = mode == PadMode::reflect ? x.size(d) - 1 : x.size(d), wanted = std::max(before[d], after[d]);
    if (mode == PadMode::replicate ? wanted > 0 && x.size(d) == 0 : wanted > most)
      TASUKI_THROW(ShapeError, "expected  at most ", std::max<std::int64_t>(mode == PadMode::replicate ? 0 : most, 0), " elements beyond a border of dimension ", d,
                   " of size ", x.size(d), "\nactual    ", wanted);
    front.push_back(before[d]);
    back.push_back(after[d]);
  }
  const Tensor dense = ops::row_major(x, at);
  const Border border = mode == PadMode::reflect ? Border::reflect : mode == PadMode::replicate ? Border::replicate : Border::circular;
  return apply(PadBorder(front, back, border), {&dense}, at);
}

}  // namespace

Tensor pad(const Tensor& x, const Dims& amounts, const PadOptions& options, At at) {
  return ops::composed(pad_info, {&x}, at, [&] {
    if (amounts.ndim() % 2 != 0 || amounts.ndim() / 2 > x.ndim())
      TASUKI_THROW(ShapeError, "expected  two amounts for each of at most ", x.ndim(), " dimensions\nactual    amounts = ", amounts);
    Shape before = Shape::filled(x.ndim(), 0), after = before;
    Tensor kept = x;
    for (int k = 0; k < amounts.ndim() / 2; ++k) {
      const int d = x.ndim() - 1 - k;
      const std::int64_t front = amounts[2 * k], back = amounts[2 * k + 1], cut = std::min<std::int64_t>(front, 0) + std::min<std::int64_t>(back, 0);
      if (x.size(d) + cut < 0) TASUKI_THROW(ShapeError, "expected  at most ", x.size(d), " elements cut off dimension ", d, "\nactual    ", -cut);
      if (cut < 0) kept = kept.narrow(d, std::max<std::int64_t>(-front, 0), x.size(d) + cut, at);
      before[d] = std::max<std::int64_t>(front, 0);
      after[d] = std::max<std::int64_t>(back, 0);
    }
    if (x.ndim() == 0) return x.clone(at);
    if (options.mode == PadMode::constant) return apply(PadConstant(before, after, options.value), {&kept}, at);
    return pad_beyond_border(kept, before, after, options.mode, at);
  });
}

}  // namespace tasuki
