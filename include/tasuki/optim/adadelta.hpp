#pragma once
#include <utility>

#include "tasuki/ops/unary.hpp"
#include "tasuki/optim/composed.hpp"

namespace tasuki::optim {

struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;   ///< decay of the means of squared gradients and of squared steps
  double eps = 1e-6;
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
  bool maximize = false;
};

/// Adadelta (Zeiler, 2012): v = rho v + (1 - rho) g^2;  d = g sqrt((s + eps) / (v + eps));  s = rho s + (1 - rho) d^2;  p -= lr d.
class Adadelta : public detail::ComposedOptimizer<AdadeltaOptions> {
 public:
  explicit Adadelta(std::vector<Tensor> parameters, const AdadeltaOptions& options = {}, SourceLocation at = SourceLocation::current())
      : Adadelta(std::vector<ParameterGroup<AdadeltaOptions>>{{std::move(parameters), options}}, at) {}
  explicit Adadelta(const std::vector<ParameterGroup<AdadeltaOptions>>& groups, SourceLocation at = SourceLocation::current())
      : ComposedOptimizer("Adadelta", groups, {"square_avg", "acc_delta"}, at) {}

 protected:
  void move(const AdadeltaOptions& o, double lr, const Update& u, std::size_t i) override {
    const Tensor &v = u.state[0][i], &s = u.state[1][i];
    const Tensor g = detail::decayed_gradient(u, i, v.dtype(), o.weight_decay, o.maximize);
    detail::follow(v, o.rho, square(g, u.at), u);
    const Tensor step = sqrt(s.add({o.eps, u.at}), u.at).div({sqrt(v.add({o.eps, u.at}), u.at), u.at}).mul({g, u.at});
    detail::follow(s, o.rho, square(step, u.at), u);
    detail::move_parameter(u, i, step.mul({lr, u.at}));
  }
};

}  // namespace tasuki::optim
