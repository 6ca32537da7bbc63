#pragma once
#include "kernels/norm_backward.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki::ops {

/// The arguments of a normalization's backward kernel: the op keeps its mean as output 1 and 1 / deviation as output 2.
inline kernels::cpu::NormBackward norm_backward(const Backward& b, std::size_t x, std::size_t weight, std::size_t bias) {
  const GradSlot grad_x = b.grad(x), grad_weight = b.grad(weight), grad_bias = b.grad(bias);
  return {.grad_y = b.grad_out(0), .x = b.in(x), .weight = b.in(weight), .mean = b.out(1), .inv_std = b.out(2),
          .grad_x = grad_x.view, .grad_weight = grad_weight.view, .grad_bias = grad_bias.view,
          .add_to_x = grad_x.accumulate, .add_to_weight = grad_weight.accumulate, .add_to_bias = grad_bias.accumulate,
          .workspace = b.workspace()};
}

}  // namespace tasuki::ops
