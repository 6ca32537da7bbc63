#pragma once
#include <cmath>
#include <utility>

#include "tasuki/optim/composed.hpp"

namespace tasuki::optim {

struct ASGDOptions {
  double lr = 1e-2;
  double lambd = 1e-4;  ///< decay: of the rate, and of the parameter in proportion to the rate
  double power = 0.75;  ///< of the rate's decay; PyTorch's alpha
  double t0 = 1e6;      ///< the average begins after so many updates
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
  bool maximize = false;
};

/// Averaged stochastic gradient descent (Polyak and Juditsky, 1992), t the updates so far:
///
///     eta = lr / (1 + lambd lr t)^power;  p -= eta (lambd p + g);  ax += (p - ax) / max(1, t - t0).
///
/// The average of parameter i is "ax.<i>" of named_state().
class ASGD : public detail::ComposedOptimizer<ASGDOptions> {
 public:
  explicit ASGD(std::vector<Tensor> parameters, const ASGDOptions& options = {}, SourceLocation at = SourceLocation::current())
      : ASGD(std::vector<ParameterGroup<ASGDOptions>>{{std::move(parameters), options}}, at) {}
  explicit ASGD(const std::vector<ParameterGroup<ASGDOptions>>& groups, SourceLocation at = SourceLocation::current())
      : ComposedOptimizer("ASGD", groups, {"ax"}, at) {
    constexpr double infinite = __builtin_inf();
    for (const auto& g : groups) {
      detail::check_option("ASGD", "lambd", g.options.lambd, 0, infinite, at);
      detail::check_option("ASGD", "power", g.options.power, 0, infinite, at);
      detail::check_option("ASGD", "t0", g.options.t0, 0, infinite, at);
    }
  }

 protected:
  void move(const ASGDOptions& o, double lr, const Update& u, std::size_t i) override {
    const Tensor& average = u.state[0][i];
    const double before = static_cast<double>(u.steps[i] - 1);
    const double eta = lr / std::pow(1 + o.lambd * lr * before, o.power);
    const Tensor g = detail::decayed_gradient(u, i, average.dtype(), o.weight_decay, o.maximize);
    detail::move_parameter(u, i, g.mul({eta, u.at}), o.lambd * eta);
    const Tensor now = u.parameters[i].to(average.dtype(), u.at);
    average.add_({now.sub({average, u.at}).mul({1 / std::fmax(1.0, before - o.t0), u.at}), u.at});
  }
};

}  // namespace tasuki::optim
