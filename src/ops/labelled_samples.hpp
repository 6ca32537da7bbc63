#pragma once
#include "kernels/cross_entropy.hpp"
#include "tasuki/autograd/function.hpp"

/// What losses over class labels share: operands (logits or log-probabilities, target, weight).
namespace tasuki::ops {

/// Checks that the operands fit each other and that the weight takes no gradient; answers the dimension of the classes.
int check_labelled_samples(const Operands& in, const char* first);

/// The factors of log-probabilities of a shape in the loss: reduced, it is -sum(factors * log_probabilities). Zero for ignored samples. Not differentiable.
Tensor label_coefficients(const kernels::cpu::CrossEntropyRule& rule, const Shape& shape, DType dtype, const Tensor& target,
                          const Tensor& weight);

/// What the mean over samples divides by: how many are not ignored, or the sum of their classes' weights.
double labelled_weight(const Tensor& target, const Tensor& weight, std::int64_t ignore_index);

}  // namespace tasuki::ops
