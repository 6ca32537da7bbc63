#pragma once
#include <utility>

#include "tasuki/ops/unary.hpp"
#include "tasuki/optim/composed.hpp"

namespace tasuki::optim {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;  ///< decay of the mean of squared gradients
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
  double momentum = 0;
  bool centered = false;  ///< divide by the deviation of the gradients rather than by their root mean square
  bool maximize = false;
};

/// RMSprop (Hinton, 2012; centered: Graves, 2013), in PyTorch's form:
///
///     v = alpha v + (1 - alpha) g^2;  d = g / (sqrt(v) + eps), or g / (sqrt(v - mean(g)^2) + eps);  p -= lr d,  or  m = momentum m + d;  p -= lr m.
///
/// Made of ops: a step reads its state several times, where SGD and Adam do once.
class RMSprop : public detail::ComposedOptimizer<RMSpropOptions> {
 public:
  explicit RMSprop(std::vector<Tensor> parameters, const RMSpropOptions& options = {}, SourceLocation at = SourceLocation::current())
      : RMSprop(std::vector<ParameterGroup<RMSpropOptions>>{{std::move(parameters), options}}, at) {}
  explicit RMSprop(const std::vector<ParameterGroup<RMSpropOptions>>& groups, SourceLocation at = SourceLocation::current())
      : ComposedOptimizer("RMSprop", groups, {"square_avg", "momentum_buffer", "grad_avg"}, at) {}

 protected:
  void move(const RMSpropOptions& o, double lr, const Update& u, std::size_t i) override {
    const Tensor &square_avg = u.state[0][i], &buffer = u.state[1][i], &grad_avg = u.state[2][i];
    const Tensor g = detail::decayed_gradient(u, i, square_avg.dtype(), o.weight_decay, o.maximize);
    square_avg.mul_({o.alpha, u.at}).add_({square(g, u.at).mul({1 - o.alpha, u.at}), u.at});
    Tensor variance = square_avg;
    if (o.centered) {
      grad_avg.mul_({o.alpha, u.at}).add_({g.mul({1 - o.alpha, u.at}), u.at});
      variance = square_avg.sub({square(grad_avg, u.at), u.at});
    }
    Tensor direction = g.div({sqrt(variance, u.at).add({o.eps, u.at}), u.at});
    if (o.momentum > 0) direction = buffer.mul_({o.momentum, u.at}).add_({direction, u.at});
    detail::move_parameter(u, i, direction.mul({lr, u.at}));
  }
};

}  // namespace tasuki::optim
