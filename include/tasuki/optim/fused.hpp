#pragma once
#include "tasuki/optim/optimizer.hpp"

/// The updates that Tasuki's optimizers are made of: one launch, one pass over parameters, gradients and state. Formulas stand with
/// the optimizers; a step is bitwise the same for any number of threads.
namespace tasuki::optim {

struct SgdUpdate {
  double lr, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false, maximize = false;
};
/// One kind of state when momentum is not 0.
void sgd_update(Update& u, const SgdUpdate& rule);

struct AdamUpdate {
  double lr, beta1, beta2, eps, weight_decay = 0;
  bool decoupled_weight_decay = false, amsgrad = false, maximize = false;
};
/// Two kinds of state, three with amsgrad.
void adam_update(Update& u, const AdamUpdate& rule);

}  // namespace tasuki::optim
