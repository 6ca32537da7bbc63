#pragma once
#include <utility>

#include "tasuki/ops/unary.hpp"
#include "tasuki/optim/composed.hpp"

namespace tasuki::optim {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;               ///< adds weight_decay * parameter to the gradient
  double initial_accumulator_value = 0;  ///< added to the sum of squares
  double eps = 1e-10;
  bool maximize = false;
};

/// Adagrad (Duchi et al., 2011): v += g^2;  p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps), t the updates so far. Made of ops, as RMSprop.
class Adagrad : public detail::ComposedOptimizer<AdagradOptions> {
 public:
  explicit Adagrad(std::vector<Tensor> parameters, const AdagradOptions& options = {}, SourceLocation at = SourceLocation::current())
      : Adagrad(std::vector<ParameterGroup<AdagradOptions>>{{std::move(parameters), options}}, at) {}
  explicit Adagrad(const std::vector<ParameterGroup<AdagradOptions>>& groups, SourceLocation at = SourceLocation::current())
      : ComposedOptimizer("Adagrad", groups, {"sum"}, at) {}

 protected:
  void move(const AdagradOptions& o, double lr, const Update& u, std::size_t i) override {
    const Tensor& sum = u.state[0][i];
    const Tensor g = detail::decayed_gradient(u, i, sum.dtype(), o.weight_decay, o.maximize);
    sum.add_({square(g, u.at), u.at});
    const Tensor root = sqrt(o.initial_accumulator_value > 0 ? sum.add({o.initial_accumulator_value, u.at}) : sum, u.at);
    const double rate = lr / (1 + static_cast<double>(u.steps[i] - 1) * o.lr_decay);
    detail::move_parameter(u, i, g.div({root.add({o.eps, u.at}), u.at}).mul({rate, u.at}));
  }
};

}  // namespace tasuki::optim
