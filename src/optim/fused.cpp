#include "tasuki/optim/fused.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/optim.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki::optim {

namespace {

/// A launch over all tensors of an update: parameters first, then gradients, then each kind of state.
template <class Rule>
struct FusedStep : Function {
  Rule rule;
  std::size_t count, kinds;
  std::vector<std::int64_t> steps;
  double flops_per_element;
  FusedStep(const Rule& r, const Update& u, std::size_t state_kinds, double flops)
      : rule(r), count(u.parameters.size()), kinds(state_kinds), steps(u.steps), flops_per_element(flops) {}

  Spec infer(const Operands& in) override {
    Spec spec;
    spec.in_place = true;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) spec.mutates |= 1u << i;
      spec.flops += flops_per_element * static_cast<double>(in[i].numel());
    }
    for (std::size_t i = 2 * count; i < (2 + kinds) * count; ++i) spec.mutates |= 1u << i;
    return spec;
  }

  std::vector<kernels::cpu::OptimizerRange> ranges(const Launch& l) const {
    std::vector<kernels::cpu::OptimizerRange> list(count);
    for (std::size_t i = 0; i < count; ++i) {
      list[i].parameter = l.in(i).data;
      list[i].gradient = l.in(count + i).data;
      for (std::size_t k = 0; k < kinds; ++k) list[i].state[k] = l.in((2 + k) * count + i).data;
      list[i].count = l.in(i).numel;
      list[i].step = steps[i];
    }
    return list;
  }
};

struct SgdStep final : FusedStep<kernels::cpu::SgdRule> {
  using FusedStep::FusedStep;
  static constexpr OpInfo op{"sgd_step", "parameter", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::sgd_step(l.in(0).dtype, ranges(l).data(), count, rule);
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

struct AdamStep final : FusedStep<kernels::cpu::AdamRule> {
  using FusedStep::FusedStep;
  static constexpr OpInfo op{"adam_step", "parameter", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::adam_step(l.in(0).dtype, ranges(l).data(), count, rule);
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

std::vector<Tensor> operands_of(const Update& u, std::size_t kinds) {
  std::vector<Tensor> list(u.parameters);
  list.insert(list.end(), u.gradients.begin(), u.gradients.end());
  for (std::size_t k = 0; k < kinds; ++k) list.insert(list.end(), u.state[k].begin(), u.state[k].end());
  return list;
}

}  // namespace

void sgd_update(Update& u, const SgdUpdate& rule) {
  const std::size_t kinds = rule.momentum != 0 ? 1 : 0;
  const kernels::cpu::SgdRule r{rule.lr, rule.momentum, rule.dampening, rule.weight_decay, rule.nesterov, rule.maximize};
  apply(SgdStep(r, u, kinds, kinds ? 6 : 4), operands_of(u, kinds), u.at);
}

void adam_update(Update& u, const AdamUpdate& rule) {
  const std::size_t kinds = rule.amsgrad ? 3 : 2;
  const kernels::cpu::AdamRule r{rule.lr, rule.beta1, rule.beta2, rule.eps, rule.weight_decay, rule.decoupled_weight_decay, rule.amsgrad, rule.maximize};
  apply(AdamStep(r, u, kinds, 14), operands_of(u, kinds), u.at);
}

}  // namespace tasuki::optim
