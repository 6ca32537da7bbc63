#pragma once
#include <utility>

#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/optim/composed.hpp"

namespace tasuki::optim {

struct RpropOptions {
  double lr = 1e-2;                   ///< the first step of each element; later ones grow and shrink by themselves
  double etaminus = 0.5, etaplus = 1.2;  ///< what a step is multiplied with where the gradient's sign changed, and where it stayed
  double min_step = 1e-6, max_step = 50;
  bool maximize = false;
};

/// Resilient backpropagation (Riedmiller and Braun, 1993), which goes by the signs of the gradient alone: an element whose sign
/// changed takes a shorter step next time and none now, one whose sign stayed a longer one. For gradients of the whole data set.
class Rprop : public detail::ComposedOptimizer<RpropOptions> {
 public:
  explicit Rprop(std::vector<Tensor> parameters, const RpropOptions& options = {}, SourceLocation at = SourceLocation::current())
      : Rprop(std::vector<ParameterGroup<RpropOptions>>{{std::move(parameters), options}}, at) {}
  explicit Rprop(const std::vector<ParameterGroup<RpropOptions>>& groups, SourceLocation at = SourceLocation::current())
      : ComposedOptimizer("Rprop", groups, {"prev", "step_size"}, at) {
    constexpr double infinite = __builtin_inf();
    for (const auto& g : groups) {
      detail::check_option("Rprop", "etaminus", g.options.etaminus, 0, 1, at);
      detail::check_option("Rprop", "etaplus", g.options.etaplus, 1, infinite, at);
      detail::check_option("Rprop", "min_step", g.options.min_step, 0, infinite, at);
      detail::check_option("Rprop", "max_step", g.options.max_step, g.options.min_step, infinite, at);
    }
  }

 protected:
  void move(const RpropOptions& o, double lr, const Update& u, std::size_t i) override {
    const Tensor &before = u.state[0][i], &size = u.state[1][i];
    const Tensor g = detail::decayed_gradient(u, i, before.dtype(), 0, o.maximize);
    if (u.steps[i] == 1) size.fill_(lr, u.at);
    const Tensor agreement = g.mul({before, u.at}), changed = agreement.lt({0, u.at}), stayed = agreement.gt({0, u.at});
    const Tensor next = where(changed, size.mul({o.etaminus, u.at}), where(stayed, size.mul({o.etaplus, u.at}), size, u.at), u.at);
    size.copy_(clamp(next, o.min_step, o.max_step, u.at), u.at);
    const Tensor followed = masked_fill(g, changed, 0, u.at);
    detail::move_parameter(u, i, sign(followed, u.at).mul({size, u.at}));
    before.copy_(followed, u.at);
  }
};

}  // namespace tasuki::optim
