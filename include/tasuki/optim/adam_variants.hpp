#pragma once
#include <cmath>
#include <utility>

#include "tasuki/ops/unary.hpp"
#include "tasuki/optim/composed.hpp"

namespace tasuki::optim {
namespace detail {

/// How a step of Adam's kind begins.
struct Moments {
  Tensor g, m, v;  ///< the gradient, and the means of it and of its square, which have followed it
  double t;        ///< updates, with this one
  double decay;    ///< share by which the parameter itself shrinks
};
template <class O>
Moments follow_moments(const O& o, double lr, const Update& u, std::size_t i) {
  const Tensor &m = u.state[0][i], &v = u.state[1][i];
  const Tensor g = decayed_gradient(u, i, m.dtype(), o.decoupled_weight_decay ? 0 : o.weight_decay, o.maximize);
  follow(m, o.beta1, g, u);
  follow(v, o.beta2, square(g, u.at), u);
  return {g, m, v, static_cast<double>(u.steps[i]), o.decoupled_weight_decay ? lr * o.weight_decay : 0};
}

}  // namespace detail

struct NAdamOptions {
  double lr = 2e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< decay of the means of gradients and of squared gradients
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;  ///< shrinks the parameter by lr * weight_decay instead
  bool maximize = false;
};

/// Adam with Nesterov's momentum (Dozat, 2016), whose share grows with the updates: mu_t = beta1 (1 - 0.5 * 0.96^(t momentum_decay)).
///
///     p -= lr ((1 - mu_t) / (1 - mu_1 ... mu_t) g + mu_(t+1) / (1 - mu_1 ... mu_(t+1)) m) / (sqrt(v / (1 - beta2^t)) + eps).
class NAdam : public detail::ComposedOptimizer<NAdamOptions> {
 public:
  explicit NAdam(std::vector<Tensor> parameters, const NAdamOptions& options = {}, SourceLocation at = SourceLocation::current())
      : NAdam(std::vector<ParameterGroup<NAdamOptions>>{{std::move(parameters), options}}, at) {}
  explicit NAdam(const std::vector<ParameterGroup<NAdamOptions>>& groups, SourceLocation at = SourceLocation::current())
      : ComposedOptimizer("NAdam", groups, {"exp_avg", "exp_avg_sq"}, at) {}

 protected:
  void move(const NAdamOptions& o, double lr, const Update& u, std::size_t i) override {
    const auto [g, m, v, t, decay] = detail::follow_moments(o, lr, u, i);
    const auto share = [&](double step) { return o.beta1 * (1 - 0.5 * std::pow(0.96, step * o.momentum_decay)); };
    if (shares_.options != &o || shares_.updates > u.steps[i]) shares_ = {&o};
    while (shares_.updates < u.steps[i]) shares_.product *= share(static_cast<double>(++shares_.updates));
    const double product = shares_.product, now = share(t), next = share(t + 1);
    const Tensor root = sqrt(v.div({1 - std::pow(o.beta2, t), u.at}), u.at).add({o.eps, u.at});
    const Tensor ahead = g.mul({lr * (1 - now) / (1 - product), u.at}).add({m.mul({lr * next / (1 - product * next), u.at}), u.at});
    detail::move_parameter(u, i, ahead.div({root, u.at}), decay);
  }

 private:
  /// mu_1 ... mu_updates, which the parameters of a group mostly have in common.
  struct {
    const NAdamOptions* options = nullptr;
    std::int64_t updates = 0;
    double product = 1;
  } shares_;
};

struct RAdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< decay of the means of gradients and of squared gradients
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
  bool decoupled_weight_decay = false;  ///< shrinks the parameter by lr * weight_decay instead
  bool maximize = false;
};

/// Rectified Adam (Liu et al., 2020): Adam's step times what its variance allows for, and steps of momentum while that is unknown.
class RAdam : public detail::ComposedOptimizer<RAdamOptions> {
 public:
  explicit RAdam(std::vector<Tensor> parameters, const RAdamOptions& options = {}, SourceLocation at = SourceLocation::current())
      : RAdam(std::vector<ParameterGroup<RAdamOptions>>{{std::move(parameters), options}}, at) {}
  explicit RAdam(const std::vector<ParameterGroup<RAdamOptions>>& groups, SourceLocation at = SourceLocation::current())
      : ComposedOptimizer("RAdam", groups, {"exp_avg", "exp_avg_sq"}, at) {}

 protected:
  void move(const RAdamOptions& o, double lr, const Update& u, std::size_t i) override {
    const auto [g, m, v, t, decay] = detail::follow_moments(o, lr, u, i);
    const double rest = std::pow(o.beta2, t), longest = 2 / (1 - o.beta2) - 1, length = longest - 2 * t * rest / (1 - rest);
    const Tensor mean = m.mul({lr / (1 - std::pow(o.beta1, t)), u.at});
    if (length <= 5) return detail::move_parameter(u, i, mean, decay);
    const double rectified = std::sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
    detail::move_parameter(u, i, mean.mul({rectified * std::sqrt(1 - rest), u.at}).div({sqrt(v, u.at).add({o.eps, u.at}), u.at}), decay);
  }
};

struct AdamaxOptions {
  double lr = 2e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< decay of the mean of gradients and of the largest one
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
  bool maximize = false;
};

/// Adam with the infinity norm (Kingma and Ba, 2015): w = max(beta2 w, |g| + eps);  p -= lr / (1 - beta1^t) m / w.
class Adamax : public detail::ComposedOptimizer<AdamaxOptions> {
 public:
  explicit Adamax(std::vector<Tensor> parameters, const AdamaxOptions& options = {}, SourceLocation at = SourceLocation::current())
      : Adamax(std::vector<ParameterGroup<AdamaxOptions>>{{std::move(parameters), options}}, at) {}
  explicit Adamax(const std::vector<ParameterGroup<AdamaxOptions>>& groups, SourceLocation at = SourceLocation::current())
      : ComposedOptimizer("Adamax", groups, {"exp_avg", "exp_inf"}, at) {}

 protected:
  void move(const AdamaxOptions& o, double lr, const Update& u, std::size_t i) override {
    const Tensor &m = u.state[0][i], &largest = u.state[1][i];
    const Tensor g = detail::decayed_gradient(u, i, m.dtype(), o.weight_decay, o.maximize);
    detail::follow(m, o.beta1, g, u);
    largest.copy_(maximum(largest.mul({o.beta2, u.at}), {abs(g, u.at).add({o.eps, u.at}), u.at}), u.at);
    detail::move_parameter(u, i, m.mul({lr / (1 - std::pow(o.beta1, static_cast<double>(u.steps[i]))), u.at}).div({largest, u.at}));
  }
};

}  // namespace tasuki::optim
