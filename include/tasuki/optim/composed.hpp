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

/// Parameter i minus `step`, rounded once.
inline void move_parameter(const Update& u, std::size_t i, const Tensor& step) {
  const Tensor& p = u.parameters[i];
  if (p.dtype() == step.dtype()) p.sub_({step, u.at});
  else p.copy_(p.to(step.dtype(), u.at).sub({step, u.at}).to(p.dtype(), u.at), u.at);
}

}  // namespace tasuki::optim::detail
