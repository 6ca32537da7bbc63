#include "tasuki/ops/scatter.hpp"

#include "kernels/check_indices.hpp"
#include "kernels/copy.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/gather.hpp"
#include "kernels/index_select.hpp"
#include "kernels/lines.hpp"
#include "kernels/loop.hpp"
#include "kernels/nonzero.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/two_operands.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/index_select.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using kernels::cpu::check_indices;

/// x, copied, and written to where index says.
struct Writer : Function {
  int dim;
  explicit Writer(int d) : dim(d) {}
  std::string attributes() const override { return "dim=" + std::to_string(dim); }
  Spec like_x(const Operands& in) {
    dim = normalize_dim(dim, in[0].ndim());
    ops::check_index_dtype(in[1], "index");
    Spec spec = Spec::like(in[0]);
    if (in.recording()) spec.save_inputs = 0b10;
    spec.flops = static_cast<double>(in[1].numel());
    return spec;
  }
  Spec indexed(const Operands& in) {
    const Tensor &x = in[0], &index = in[1];
    Spec spec = like_x(in);
    TASUKI_CHECK_OP(ShapeError, index.ndim(), ==, x.ndim());
    for (int d = 0; d < x.ndim(); ++d)
      if (d != dim && index.size(d) > x.size(d))
        TASUKI_THROW(ShapeError, "expected  index.size(", d, ") <= x.size(", d, ")\nactual    ", index.size(d), " > ", x.size(d));
    return spec;
  }
  void start(Launch& l) const {
    check_indices(l.in(1), kernels::cpu::size_along(l.in(0), dim), "index", "index");
    kernels::cpu::copy(l.in(0), l.out(0));
  }
};

/// A number as a source of that shape.
View number_everywhere(const kernels::cpu::ScalarView& number, View shaped) {
  static constexpr std::int64_t nowhere[8] = {};
  shaped.data = number.view().data;
  shaped.dtype = number.view().dtype;
  shaped.strides = nowhere;
  shaped.contiguous = false;
  return shaped;
}

/// One number wherever the index says: in elements, or in whole slices.
template <bool slices>
struct WriteNumber final : Writer {
  double value;
  WriteNumber(int d, double v) : Writer(d), value(v) {}
  static constexpr OpInfo op{slices ? "index_fill" : "scatter", "x, index", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    detail::check_scalar(in[0].dtype(), value);
    return slices ? like_x(in) : indexed(in);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: {
        start(l);
        const kernels::cpu::ScalarView number(value, l.out(0).dtype);
        return (slices ? kernels::cpu::put_slices : kernels::cpu::scatter)(number_everywhere(number, slices ? l.out(0) : l.in(1)), dim, l.in(1), l.out(0));
      }
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor index = c.in(1);
    return {apply(WriteNumber(dim, 0), {&c.grad(0), &index}), Tensor()};
  }
};
using ScatterNumber = WriteNumber<false>;
using IndexFill = WriteNumber<true>;

/// What both forms with a source demand of it; index and source have one shape by then.
void check_source(const Tensor& x, const Tensor& source) { ops::check_dtype(source, "source", x.dtype()); }

struct Scatter final : Writer {
  using Writer::Writer;
  static constexpr OpInfo op{"scatter", "x, index, source", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    check_source(in[0], in[2]);
    return indexed(in);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: start(l); return kernels::cpu::scatter(l.in(2), dim, l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor index = c.in(1);
    TensorList grads(3);
    if (c.needs(0)) grads[0] = apply(ScatterNumber(dim, 0), {&c.grad(0), &index});
    if (c.needs(2)) grads[2] = gather(c.grad(0), dim, index);
    return grads;
  }
};

struct ScatterAdd final : Writer {
  using Writer::Writer;
  static constexpr OpInfo op{"scatter_add", "x, index, source", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    ops::check_floating(in[0], "x");
    check_source(in[0], in[2]);
    return indexed(in);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: start(l); return kernels::cpu::scatter_add(l.in(2), dim, l.in(1), l.out(0), true);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(3);
    if (c.needs(0)) grads[0] = c.grad(0);
    if (c.needs(2)) grads[2] = gather(c.grad(0), dim, c.in(1));
    return grads;
  }
};

struct IndexAdd final : Writer {
  using Writer::Writer;
  static constexpr OpInfo op{"index_add", "x, index, source", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    const Tensor &x = in[0], &index = in[1], &source = in[2];
    ops::check_floating(x, "x");
    check_source(x, source);
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
    TASUKI_CHECK_OP(ShapeError, index.ndim(), ==, 1);
    Spec spec = like_x(in);
    Shape shape = x.shape();
    shape[dim] = index.size(0);
    ops::check_shape(source, "source", shape);
    spec.workspace = kernels::cpu::add_slices_workspace(index.numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: start(l); return kernels::cpu::add_slices(l.in(2), dim, l.in(1), l.out(0), true, l.workspace());
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    TensorList grads(3);
    if (c.needs(0)) grads[0] = c.grad(0);
    if (c.needs(2)) grads[2] = index_select(c.grad(0), dim, c.in(1));
    return grads;
  }
};

/// A vector along one dimension, to be broadcast beside x.
Tensor along(const Tensor& vector, const Tensor& x, int dim, At at) {
  Shape shape = Shape::filled(x.ndim(), 1);
  shape[dim] = vector.size(0);
  return vector.reshape(shape, at);
}

struct IndexCopy final : Writer {
  using Writer::Writer;
  static constexpr OpInfo op{"index_copy", "x, index, source", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return like_x(in); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: start(l); return kernels::cpu::put_slices(l.in(2), dim, l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor index = c.in(1);
    TensorList grads(3);
    if (c.needs(0)) grads[0] = apply(IndexFill(dim, 0), {&c.grad(0), &index});
    if (c.needs(2)) {  // a slice that a later one replaced gets none
      const Tensor order = arange(0, index.size(0), 1, {.dtype = i64, .device = index.device()});
      const Tensor last = scatter(zeros({c.in_shape(0)[dim]}, {.dtype = i64, .device = index.device()}), 0, index, order);
      const Tensor replaced = index_select(last, 0, index).ne(order), taken = index_select(c.grad(0), dim, index);
      grads[2] = masked_fill(taken, along(replaced, taken, dim, At()), 0);
    }
    return grads;
  }
};

struct OneHot final : Function {
  std::int64_t classes;
  explicit OneHot(std::int64_t c) : classes(c) {}
  static constexpr OpInfo op{"one_hot", "labels", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Shape shape = in[0].shape();
    shape.push_back(classes);
    return Spec(shape, i64);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        check_indices(l.in(0), classes, "label", "labels");
        return kernels::cpu::one_hot(l.in(0), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

struct NonZero final : Function {
  std::int64_t count;
  explicit NonZero(std::int64_t n) : count(n) {}
  static constexpr OpInfo op{"nonzero", "x", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return Spec(Shape{count, in[0].ndim()}, i64); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::nonzero(l.in(0), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

constexpr OpInfo masked_select_info{"masked_select", "x, mask"}, take_info{"take_along_dim", "x, index"};

/// The part of a source that index reaches.
Tensor reached(const Tensor& source, const Tensor& index, At at) {
  if (source.ndim() != index.ndim()) TASUKI_THROW(ShapeError, "expected  index.ndim() == source.ndim()\nactual    ", index.ndim(), " != ", source.ndim());
  Tensor part = source;
  for (int d = 0; d < index.ndim(); ++d) {
    if (index.size(d) > source.size(d))
      TASUKI_THROW(ShapeError, "expected  index.size(", d, ") <= source.size(", d, ")\nactual    ", index.size(d), " > ", source.size(d));
    if (index.size(d) < source.size(d)) part = part.narrow(d, 0, index.size(d), at);
  }
  return part;
}

/// The dimension whose slices an index names.
int slices_dim(const Tensor& x, int dim, const Tensor& index) {
  ops::check_index_dtype(index, "index");
  TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
  TASUKI_CHECK_OP(ShapeError, index.ndim(), ==, 1);
  return normalize_dim(dim, x.ndim());
}

}  // namespace

Tensor scatter(const Tensor& x, int dim, const Tensor& index, const Tensor& source, At at) {
  return ops::composed(Scatter::op, {&x, &index, &source}, at, [&] {
    const Tensor part = reached(source, index, at);
    return apply(Scatter(dim), {&x, &index, &part}, at);
  });
}
Tensor scatter(const Tensor& x, int dim, const Tensor& index, double value, At at) { return apply(ScatterNumber(dim, value), {&x, &index}, at); }

Tensor scatter_add(const Tensor& x, int dim, const Tensor& index, const Tensor& source, At at) {
  return ops::composed(ScatterAdd::op, {&x, &index, &source}, at, [&] {
    const Tensor part = reached(source, index, at);
    return apply(ScatterAdd(dim), {&x, &index, &part}, at);
  });
}

Tensor index_add(const Tensor& x, int dim, const Tensor& index, const Tensor& source, double alpha, At at) {
  const Tensor scaled = alpha == 1 ? source : source.mul({alpha, at});
  return apply(IndexAdd(dim), {&x, &index, &scaled}, at);
}

Tensor index_fill(const Tensor& x, int dim, const Tensor& index, double value, At at) {
  return ops::composed(IndexFill::op, {&x, &index}, at, [&] { return apply(IndexFill(slices_dim(x, dim, index), value), {&x, &index}, at); });
}

Tensor index_copy(const Tensor& x, int dim, const Tensor& index, const Tensor& source, At at) {
  return ops::composed(IndexCopy::op, {&x, &index, &source}, at, [&] {
    const int d = slices_dim(x, dim, index);
    ops::check_dtype(source, "source", x.dtype());
    Shape slices = x.shape();
    slices[d] = index.size(0);
    ops::check_shape(source, "source", slices);
    return apply(IndexCopy(d), {&x, &index, &source}, at);
  });
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, int dim, At at) {
  return ops::composed(take_info, {&x, &index}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, index.ndim(), ==, x.ndim());
    const int d = normalize_dim(dim, x.ndim());
    Shape wide = x.shape(), chosen = index.shape();
    if (x.ndim() == 0) return gather(x, dim, index, at);
    wide[d] = chosen[d] = 1;
    const Shape common = broadcast_shapes(wide, chosen);
    wide = chosen = common;
    wide[d] = x.size(d);
    chosen[d] = index.size(d);
    return gather(x.expand(wide, at), d, index.expand(chosen, at), at);
  });
}

Tensor one_hot(const Tensor& labels, std::int64_t classes, At at) {
  return ops::composed(OneHot::op, {&labels}, at, [&] {
    ops::check_index_dtype(labels, "labels");
    if (classes < -1 || (classes < 1 && labels.numel() == 0)) TASUKI_THROW(ValueError, "expected  classes of at least 1, or -1 where there are labels\nactual    ", classes);
    const std::int64_t count = classes == -1 ? max(labels, at).to(i64, at).item<std::int64_t>(at) + 1 : classes;
    return apply(OneHot(count), {&labels}, at);
  });
}

Tensor nonzero(const Tensor& x, At at) {
  return ops::composed(NonZero::op, {&x}, at, [&] {
    const Tensor flags = ops::row_major(x.dtype() == bool_ ? x : x.ne({0, at}), at);
    return apply(NonZero(sum(flags, at).item<std::int64_t>(at)), {&flags}, at);
  });
}

Tensor masked_select(const Tensor& x, const Tensor& mask, At at) {
  return ops::composed(masked_select_info, {&x, &mask}, at, [&] {
    ops::check_dtype(mask, "mask", bool_);
    const Shape common = broadcast_shapes(x.shape(), mask.shape());
    const Tensor places = nonzero(mask.expand(common, at).reshape({-1}, at), at).squeeze(1, at);
    return index_select(x.expand(common, at).reshape({-1}, at), 0, places, at);
  });
}

}  // namespace tasuki
