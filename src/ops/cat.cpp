#include "tasuki/ops/cat.hpp"

#include "kernels/cat.hpp"
#include "kernels/dispatch.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

/// What cat and stack demand alike of their lists.
void check_list(const Operands& in) {
  if (in.size() == 0) TASUKI_THROW(ValueError, "expected  at least one tensor\nactual    an empty list");
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!in[i].defined()) TASUKI_THROW(ValueError, "expected  tensors that are defined\nactual    an undefined one at position ", i);
    if (in[i].dtype() != in[0].dtype())
      TASUKI_THROW(DTypeError, "expected  tensors of one dtype\nactual    ", in[0].dtype(), ", and ", in[i].dtype(), " at position ", i, "\ncast it with .to(ts::", in[0].dtype(),
                   ")");
  }
}

Spec joined(const Shape& shape, const Tensor& like) {
  Spec spec(shape, like.dtype());
  if (!like.is_contiguous() && shape.ndim() == like.ndim() && like.is_contiguous(MemoryFormat::channels_last))
    spec.outputs[0] = OutputSpec(shape, like.dtype(), strides_of(shape, MemoryFormat::channels_last));
  return spec;
}

/// The gradients of both are views of the one that comes in: whoever needs them dense copies then.
struct Cat final : Function {
  int dim;
  const OpInfo* name;
  explicit Cat(int d, const OpInfo& n = op) : dim(d), name(&n) {}
  static constexpr OpInfo op{"cat", "tensors", op_any_grad_layout}, hstack_op{"hstack", "tensors", op_any_grad_layout}, vstack_op{"vstack", "tensors", op_any_grad_layout};
  const OpInfo& info() const override { return *name; }
  std::string attributes() const override { return "dim=" + std::to_string(dim); }

  /// A list of no elements that joins tensors of any number of dimensions.
  static bool is_skipped(const Shape& shape) { return shape == Shape{0}; }

  Spec infer(const Operands& in) override {
    check_list(in);
    std::size_t first = 0;
    while (first + 1 < in.size() && is_skipped(in[first].shape())) ++first;
    Shape shape = in[first].shape();
    if (shape.empty()) TASUKI_THROW(ShapeError, "expected  tensors of at least one dimension\nactual    ", shape, "\nts::stack makes a vector of tensors without dimensions");
    dim = normalize_dim(dim, shape.ndim());
    for (std::size_t i = first + 1; i < in.size(); ++i) {
      const Shape& other = in[i].shape();
      if (is_skipped(other)) continue;
      bool fits = other.ndim() == shape.ndim();
      for (int d = 0; fits && d < shape.ndim(); ++d) fits = d == dim || other[d] == shape[d];
      if (!fits)
        TASUKI_THROW(ShapeError, "expected  tensors whose sizes differ in dimension ", dim, " alone\nactual    ", in[first].shape(), ", and ", other, " at position ", i);
      shape[dim] += other[dim];
    }
    return joined(shape, in[first]);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::cat(&l.in(0), l.input_count(), dim, l.out(0));
      default: kernels::not_on(l.device(), name->name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    std::vector<std::int64_t> lengths;
    for (std::size_t i = 0; i < c.input_count(); ++i) lengths.push_back(is_skipped(c.in_shape(i)) ? 0 : c.in_shape(i)[dim]);
    const std::vector<Tensor> parts = split(c.grad(0), lengths, dim, SourceLocation());
    TensorList grads(c.input_count());
    for (std::size_t i = 0; i < c.input_count(); ++i)
      if (c.needs(i)) grads[i] = is_skipped(c.in_shape(i)) ? parts[i].reshape({0}, SourceLocation()) : parts[i];
    return grads;
  }
};

struct Stack final : Function {
  int dim;
  explicit Stack(int d) : dim(d) {}
  static constexpr OpInfo op{"stack", "tensors", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "dim=" + std::to_string(dim); }
  Spec infer(const Operands& in) override {
    check_list(in);
    Shape shape = in[0].shape();
    dim = normalize_dim(dim, shape.ndim() + 1);
    for (std::size_t i = 1; i < in.size(); ++i)
      if (in[i].shape() != shape) TASUKI_THROW(ShapeError, "expected  tensors of one shape\nactual    ", shape, ", and ", in[i].shape(), " at position ", i);
    shape.insert(dim, static_cast<std::int64_t>(in.size()));
    return Spec(shape, in[0].dtype());
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::stack(&l.in(0), l.input_count(), dim, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    TensorList grads;
    for (const Tensor& part : unbind(c.grad(0), dim, SourceLocation())) grads.push_back(part);
    return grads;
  }
};

}  // namespace

Tensor cat(const std::vector<Tensor>& tensors, int dim, SourceLocation at) { return apply(Cat(dim), tensors, at); }
Tensor stack(const std::vector<Tensor>& tensors, int dim, SourceLocation at) { return apply(Stack(dim), tensors, at); }

Tensor hstack(const std::vector<Tensor>& tensors, SourceLocation at) {
  std::vector<Tensor> parts;
  for (const Tensor& t : tensors) parts.push_back(!t.defined() || t.ndim() ? t : t.reshape({1}, at));
  return apply(Cat(!parts.empty() && parts[0].defined() && parts[0].ndim() > 1 ? 1 : 0, Cat::hstack_op), parts, at);
}
Tensor vstack(const std::vector<Tensor>& tensors, SourceLocation at) {
  std::vector<Tensor> rows;
  for (const Tensor& t : tensors) rows.push_back(!t.defined() || t.ndim() > 1 ? t : t.reshape({1, -1}, at));
  return apply(Cat(0, Cat::vstack_op), rows, at);
}

}  // namespace tasuki
