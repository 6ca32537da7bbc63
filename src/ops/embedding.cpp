#include "tasuki/ops/embedding.hpp"

#include "kernels/check_indices.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/embedding.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki {

namespace {

Tensor rows_of(const Tensor& indices, const Tensor& table, std::int64_t zeros_for, std::int64_t padding, SourceLocation at);

/// The adjoint of Embedding in the table. The padding's entries are left out.
struct EmbeddingGrad final : Function {
  std::int64_t rows, padding;
  EmbeddingGrad(std::int64_t r, std::int64_t p) : rows(r), padding(p) {}
  static constexpr OpInfo op{"embedding_grad", "indices, source"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec({rows, in[1].size(-1)}, in[1].dtype());
    spec.workspace = kernels::cpu::add_slices_workspace(in[0].numel());
    if (in.recording()) spec.save_inputs = 0b01;
    spec.flops = static_cast<double>(in[1].numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::embedding_grad(l.in(0), l.in(1), l.out(0), padding, false, l.workspace());
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {Tensor(), rows_of(c.in(0), c.grad(0), padding, padding, SourceLocation())}; }
};

struct Embedding final : Function {
  std::int64_t zeros_for, padding;  // an index whose rows are zeros; one whose rows get no gradient
  Embedding(std::int64_t z, std::int64_t p) : zeros_for(z), padding(p) {}
  static constexpr OpInfo op{"embedding", "indices, weight"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return padding < 0 ? "" : "padding_idx=" + std::to_string(padding); }
  Spec infer(const Operands& in) override {
    const Tensor &indices = in[0], &weight = in[1];
    ops::check_index_dtype(indices, "indices");
    ops::check_floating(weight, "weight");
    TASUKI_CHECK_OP(ShapeError, weight.ndim(), ==, 2);
    if (padding >= weight.size(0))
      TASUKI_THROW(ValueError, "expected  padding_idx < weight.size(0)\nactual    ", padding, " >= ", weight.size(0));
    Shape shape = indices.shape();
    shape.push_back(weight.size(1));
    Spec spec(shape, weight.dtype());
    if (in.recording()) {
      spec.save_inputs = 0b01;
      spec.backward_workspace = kernels::cpu::add_slices_workspace(indices.numel());
      spec.backward_flops = static_cast<double>(shape.numel());
    }
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        kernels::cpu::check_indices(l.in(0), l.in(1).size(0), "index", "indices");
        return kernels::cpu::embedding(l.in(0), l.in(1), l.out(0), zeros_for);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const GradSlot slot = b.grad(1);
    switch (b.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::embedding_grad(b.in(0), b.grad_out(0), slot.view, padding, slot.accumulate, b.workspace());
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor indices = c.in(0), source = c.grad(0).contiguous(MemoryFormat::contiguous, SourceLocation());
    return {Tensor(), apply(EmbeddingGrad(c.in_shape(1)[0], padding), {&indices, &source}, SourceLocation())};
  }
};

Tensor rows_of(const Tensor& indices, const Tensor& table, std::int64_t zeros_for, std::int64_t padding, SourceLocation at) {
  return apply(Embedding(zeros_for, padding), {&indices, &table}, at);
}

}  // namespace

Tensor embedding(const Tensor& indices, const Tensor& weight, const EmbeddingOptions& options, SourceLocation at) {
  const std::int64_t padding = options.padding_idx < 0 ? kernels::cpu::skip_none : options.padding_idx;
  // The kernels read the indices as a flat list. Indices have no gradient, so nothing is lost by saving the dense copy.
  const bool flat = !indices.defined() || indices.is_contiguous();
  return rows_of(flat ? indices : indices.contiguous(MemoryFormat::contiguous, at), weight, kernels::cpu::skip_none, padding, at);
}

}  // namespace tasuki
