#include "tasuki/ops/copy.hpp"

#include "kernels/copy.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/two_operands.hpp"
#include "src/runtime/sim_runtime.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

using At = SourceLocation;

/// A copy with a chosen dtype and layout: casts, clones and changes of format.
struct Copy final : Function {
  const OpInfo* name;
  OutputSpec to;
  Copy(const OpInfo& n, const OutputSpec& t) : name(&n), to(t) {}
  static constexpr OpInfo cast_op{"to", "x", op_any_grad_layout}, clone_op{"clone", "x", op_any_grad_layout},
      contiguous_op{"contiguous", "x", op_any_grad_layout};
  const OpInfo& info() const override { return *name; }
  Spec infer(const Operands&) override {
    Spec spec;
    spec.outputs.push_back(to);
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::copy(l.in(0), l.out(0));
      default: kernels::not_on(l.device(), name->name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {c.grad(0).to(c.in_dtype(0))}; }
};

/// target = source, broadcast and converted.
struct CopyInto final : Function {
  static constexpr OpInfo op{"copy_", "target, source", op_any_grad_layout | op_overwrites};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    const Tensor &target = in[0], &source = in[1];
    if (broadcast_shapes(target.shape(), source.shape()) != target.shape())
      TASUKI_THROW(ShapeError, "expected  a source that broadcasts to ", target.shape(), "\nactual    ", source.shape());
    Spec spec;
    spec.in_place = true;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::copy(l.in(1), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    // What was there before has no part in the result.
    Tensor nothing, g;
    if (c.needs(1)) g = sum_to(c.grad(0), c.in_shape(1)).to(c.in_dtype(1));
    return {nothing, g};
  }
};

struct Fill final : Function {
  double value;
  explicit Fill(double v) : value(v) {}
  static constexpr OpInfo op{"fill_", "target", op_any_grad_layout | op_overwrites};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "value=" + detail::Text(value).str(); }
  Spec infer(const Operands&) override {
    Spec spec;
    spec.in_place = true;
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::fill(l.out(0), value);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext&) override { return {}; }
};

/// The same bytes in the memory of another device. Runs on the host: from a device it waits for what is queued there, to a device it
/// takes a copy of the bytes along and goes on.
struct Move final : Function {
  OutputSpec output;
  Device from, to;
  Move(const OutputSpec& o, Device f, Device t) : output(o), from(f), to(t) {}
  static constexpr OpInfo op{"to", "x", op_any_grad_layout | op_mixed_devices};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "device=" + to.to_string(); }
  Spec infer(const Operands&) override {
    Spec spec;
    spec.outputs.push_back(output);
    spec.on_device = true;
    spec.device = to;
    return spec;
  }
  void forward(Launch& l) override {
    const View &x = l.in(0), &y = l.out(0);
    switch (to.kind()) {
      case DeviceKind::cpu: {
        DeviceRuntime& runtime = runtime_of(from);
        runtime.copy_async(y.data, x.data, x.bytes(), DeviceRuntime::CopyKind::device_to_host);
        return runtime.synchronize();
      }
      case DeviceKind::sim: return sim_runtime(to).upload(y.data, x.data, x.bytes());
      default: kernels::not_on(to, op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {c.grad(0).to(from)}; }
};

OutputSpec like(const Tensor& x, DType dtype) {
  return x.is_contiguous() ? OutputSpec(x.shape(), dtype) : OutputSpec(x.shape(), dtype, strides_like(x));
}

}  // namespace

Tensor to(const Tensor& x, DType dtype, At at) {
  return ops::composed(Copy::cast_op, {&x}, at, [&] { return x.dtype() == dtype ? x : apply(Copy(Copy::cast_op, like(x, dtype)), {&x}, at); });
}

Tensor to(const Tensor& x, Device device, At at) {
  if (x.device() == device) return x;
  runtime_of(device);  // throws for a device that is not there
  // Between two accelerators by way of the host.
  if (!x.device().is_cpu() && !device.is_cpu()) return to(to(x, Device::cpu(), at), device, at);
  const Tensor dense = is_dense(x.shape(), x.strides()) ? x : contiguous(x, MemoryFormat::contiguous, at);
  return apply(Move(like(dense, x.dtype()), x.device(), device), {&dense}, at);
}

Tensor clone(const Tensor& x, At at) {
  return ops::composed(Copy::clone_op, {&x}, at, [&] { return apply(Copy(Copy::clone_op, like(x, x.dtype())), {&x}, at); });
}

Tensor contiguous(const Tensor& x, MemoryFormat format, At at) {
  return ops::composed(Copy::contiguous_op, {&x}, at, [&] {
    if (x.is_contiguous(format)) return x;
    const OutputSpec to = format == MemoryFormat::contiguous ? OutputSpec(x.shape(), x.dtype()) : OutputSpec(x.shape(), x.dtype(), strides_of(x.shape(), format));
    return apply(Copy(Copy::contiguous_op, to), {&x}, at);
  });
}

Tensor Tensor::to(DType dtype, At at) const { return tasuki::to(*this, dtype, at); }
Tensor Tensor::to(Device device, At at) const { return tasuki::to(*this, device, at); }
Tensor Tensor::clone(At at) const { return tasuki::clone(*this, at); }
Tensor Tensor::contiguous(MemoryFormat format, At at) const { return tasuki::contiguous(*this, format, at); }

const Tensor& Tensor::copy_(const Tensor& source, At at) const {
  if (source.defined() && source.device() != device()) return copy_(source.to(device(), at), at);
  const Tensor apart = detail::apart_from(*this, source, at);
  apply(CopyInto(), {this, &apart}, at);
  return *this;
}

const Tensor& Tensor::fill_(double value, At at) const {
  apply(Fill(value), {this}, at);
  return *this;
}

}  // namespace tasuki
