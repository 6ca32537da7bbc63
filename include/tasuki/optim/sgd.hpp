#pragma once
#include <utility>

#include "tasuki/optim/fused.hpp"

namespace tasuki::optim {

struct SGDOptions {
  double lr = 1e-2;
  double momentum = 0;
  double dampening = 0;     ///< how much less than whole a gradient enters the momentum, from the second step on
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
  bool nesterov = false;    ///< needs momentum, and no dampening
  bool maximize = false;    ///< climb instead of descending
};

/// Gradient descent, with PyTorch's form of momentum:
///
///     g += weight_decay p;  v = momentum v + (1 - dampening) g  (v = g at first);  p -= lr v,  or  lr (g + momentum v) with nesterov.
///
///     ts::optim::SGD opt{net.parameters(), {.lr = 0.1, .momentum = 0.9}};
class SGD : public Optimizer {
 public:
  explicit SGD(std::vector<Tensor> parameters, const SGDOptions& options = {}, SourceLocation at = SourceLocation::current())
      : SGD(std::vector<ParameterGroup<SGDOptions>>{{std::move(parameters), options}}, at) {}
  explicit SGD(const std::vector<ParameterGroup<SGDOptions>>& groups, SourceLocation at = SourceLocation::current())
      : Optimizer("SGD", detail::parameters_of(groups), detail::learning_rates_of(groups),
                  any_momentum(groups) ? std::initializer_list<const char*>{"momentum"} : std::initializer_list<const char*>{}, at) {
    detail::check_options("SGD", groups, at);
    for (const auto& g : groups) {
      const SGDOptions& o = g.options;
      if (o.nesterov && (o.momentum == 0 || o.dampening != 0)) detail::refuse_options("SGD", "nesterov needs a momentum, and takes no dampening", at);
      options_.push_back(o);
    }
  }
  const SGDOptions& options(std::size_t group = 0) const { return options_[group]; }

  bool is_elementwise() const override { return true; }

 protected:
  void update(std::size_t group, Update& u) override {
    const SGDOptions& o = options_[group];
    sgd_update(u, {.lr = lr(group), .momentum = o.momentum, .dampening = o.dampening, .weight_decay = o.weight_decay, .nesterov = o.nesterov, .maximize = o.maximize});
  }

 private:
  static bool any_momentum(const std::vector<ParameterGroup<SGDOptions>>& groups) {
    for (const auto& g : groups)
      if (g.options.momentum != 0) return true;
    return false;
  }
  std::vector<SGDOptions> options_;
};

}  // namespace tasuki::optim
