#pragma once
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/optim/optimizer.hpp"

/// What optimizers that are made of ops share. State is f32 beside halves: so is the arithmetic.
namespace tasuki::optim::detail {

/// The gradient of parameter i, in the state's dtype and with the weight's decay.
inline Tensor decayed_gradient(const Update& u, std::size_t i, DType dtype, double weight_decay, bool maximize) {
  Tensor g = u.gradients[i].to(dtype, u.at);
  if (maximize) g = g.mul({-1, u.at});
  return weight_decay == 0 ? g : g.add({u.parameters[i].to(dtype, u.at).mul({weight_decay, u.at}), u.at});
}

/// Parameter i, shrunk by a share of it, minus `step`; rounded once.
inline void move_parameter(const Update& u, std::size_t i, const Tensor& step, double decay = 0) {
  const Tensor& p = u.parameters[i];
  if (p.dtype() == step.dtype()) {
    if (decay != 0) p.mul_({1 - decay, u.at});
    p.sub_({step, u.at});
  } else {
    const Tensor wide = p.to(step.dtype(), u.at);
    p.copy_((decay == 0 ? wide : wide.mul({1 - decay, u.at})).sub({step, u.at}).to(p.dtype(), u.at), u.at);
  }
}

/// An optimizer whose step is written in ops, parameter by parameter: it defines move().
template <class O>
class ComposedOptimizer : public Optimizer {
 public:
  bool is_elementwise() const override { return true; }
  const O& options(std::size_t group = 0) const { return options_[group]; }

 protected:
  ComposedOptimizer(const char* name, const std::vector<ParameterGroup<O>>& groups, std::initializer_list<const char*> state, SourceLocation at)
      : Optimizer(name, parameters_of(groups), learning_rates_of(groups), state, at) {
    check_options(name, groups, at);
    for (const auto& g : groups) options_.push_back(g.options);
  }
  /// Updates parameter i of u.
  virtual void move(const O& options, double lr, const Update& u, std::size_t i) = 0;
  void update(std::size_t group, Update& u) override {
    for (std::size_t i = 0; i < u.parameters.size(); ++i) move(options_[group], lr(group), u, i);
  }

 private:
  std::vector<O> options_;
};

/// mean += (1 - decay) (x - mean), as decay mean + (1 - decay) x.
inline void follow(const Tensor& mean, double decay, const Tensor& x, const Update& u) { mean.mul_({decay, u.at}).add_({x.mul({1 - decay, u.at}), u.at}); }

}  // namespace tasuki::optim::detail
