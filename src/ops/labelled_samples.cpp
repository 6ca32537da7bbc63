#include "src/ops/labelled_samples.hpp"

#include "kernels/dispatch.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/index_select.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::ops {
namespace {

struct Coefficients final : Function {
  kernels::cpu::CrossEntropyRule rule;
  Shape shape;
  DType dtype;
  Coefficients(const kernels::cpu::CrossEntropyRule& r, const Shape& s, DType d) : rule(r), shape(s), dtype(d) {}

  static constexpr OpInfo op{"label_coefficients", "target, weight", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands&) override { return Spec(shape, dtype); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::cross_entropy_coefficients(l.in(0), l.in(1), rule, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

}  // namespace

int check_labelled_samples(const Operands& in, const char* first) {
  const Tensor &x = in[0], &target = in[1], &weight = in[2];
  check_floating(x, first);
  if (x.ndim() == 0) TASUKI_THROW(ShapeError, "expected  ", first, " [N, C], [N, C, ...] or [C]\nactual    []");
  const int class_dim = x.ndim() == 1 ? 0 : 1;
  check_index_dtype(target, "target, as labels,");
  Shape samples = x.shape();
  samples.erase(class_dim);
  check_shape(target, "target, as labels,", samples);
  if (weight.defined()) {
    check_shape(weight, "weight", {x.size(class_dim)});
    check_dtype(weight, "weight", x.dtype());
    if (in.needs_grad(2)) TASUKI_THROW(AutogradError, "class weights take no gradient\ndetach() them");
  }
  return class_dim;
}

Tensor label_coefficients(const kernels::cpu::CrossEntropyRule& rule, const Shape& shape, DType dtype, const Tensor& target,
                          const Tensor& weight) {
  return apply(Coefficients(rule, shape, dtype), {&target, &weight});
}

double labelled_weight(const Tensor& target, const Tensor& weight, std::int64_t ignore_index) {
  if (!target.defined()) return 0;
  const NoGrad off;
  const Tensor counted = target.ne(ignore_index);
  if (!weight.defined()) return static_cast<double>(sum(counted).item<std::int64_t>());
  const Tensor labels = where(counted, target, zeros_like(target)).reshape({-1});
  return sum(index_select(weight.detach().to(f64), 0, labels) * counted.reshape({-1}).to(f64)).item<double>();
}

}  // namespace tasuki::ops
