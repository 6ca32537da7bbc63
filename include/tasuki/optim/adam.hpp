#pragma once
#include <utility>

#include "tasuki/optim/fused.hpp"

namespace tasuki::optim {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< decay of the means of gradients and of squared gradients
  double eps = 1e-8;
  double weight_decay = 0;  ///< adds weight_decay * parameter to the gradient
  bool amsgrad = false;     ///< divide by the largest mean square so far
  bool maximize = false;
};

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;  ///< shrinks the parameter by lr * weight_decay, apart from the gradient
  bool amsgrad = false;
  bool maximize = false;
};

/// What Adam and AdamW share; t counts the updates of each parameter:
///
///     m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  p -= lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps).
template <class Options, bool decoupled>
class AdamBase : public Optimizer {
 public:
  bool is_elementwise() const override { return true; }
  const Options& options(std::size_t group = 0) const { return options_[group]; }

 protected:
  AdamBase(const char* name, const std::vector<ParameterGroup<Options>>& groups, SourceLocation at)
      : Optimizer(name, detail::parameters_of(groups), detail::learning_rates_of(groups),
                  any_amsgrad(groups) ? std::initializer_list<const char*>{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
                                      : std::initializer_list<const char*>{"exp_avg", "exp_avg_sq"},
                  at) {
    detail::check_options(name, groups, at);
    for (const auto& g : groups) options_.push_back(g.options);
  }
  void update(std::size_t group, Update& u) override {
    const Options& o = options_[group];
    adam_update(u, {.lr = lr(group), .beta1 = o.beta1, .beta2 = o.beta2, .eps = o.eps, .weight_decay = o.weight_decay, .decoupled_weight_decay = decoupled, .amsgrad = o.amsgrad, .maximize = o.maximize});
  }

 private:
  static bool any_amsgrad(const std::vector<ParameterGroup<Options>>& groups) {
    for (const auto& g : groups)
      if (g.options.amsgrad) return true;
    return false;
  }
  std::vector<Options> options_;
};

/// Adam (Kingma and Ba, 2015), with L2 regularization through the gradient.
class Adam : public AdamBase<AdamOptions, false> {
 public:
  explicit Adam(std::vector<Tensor> parameters, const AdamOptions& options = {}, SourceLocation at = SourceLocation::current())
      : Adam(std::vector<ParameterGroup<AdamOptions>>{{std::move(parameters), options}}, at) {}
  explicit Adam(const std::vector<ParameterGroup<AdamOptions>>& groups, SourceLocation at = SourceLocation::current())
      : AdamBase("Adam", groups, at) {}
};

/// AdamW (Loshchilov and Hutter, 2019): weight decay apart from the gradient.
///
///     ts::optim::AdamW opt{net.parameters(), {.lr = 1e-3}};
class AdamW : public AdamBase<AdamWOptions, true> {
 public:
  explicit AdamW(std::vector<Tensor> parameters, const AdamWOptions& options = {}, SourceLocation at = SourceLocation::current())
      : AdamW(std::vector<ParameterGroup<AdamWOptions>>{{std::move(parameters), options}}, at) {}
  explicit AdamW(const std::vector<ParameterGroup<AdamWOptions>>& groups, SourceLocation at = SourceLocation::current())
      : AdamBase("AdamW", groups, at) {}
};

}  // namespace tasuki::optim
