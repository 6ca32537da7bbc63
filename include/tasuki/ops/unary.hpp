#pragma once
#include "tasuki/tensor/tensor.hpp"

/// Elementwise functions of one operand. Floating dtypes; neg, abs, square, relu and clamp take integers too. Half types compute
/// in f32. Each saves its input or its output for backward, whichever its derivative is made of; all can be differentiated any
/// number of times. NaN gives NaN.
namespace tasuki {

/// exp log sqrt rsqrt abs neg square reciprocal sin cos tanh sigmoid relu silu erf, by PyTorch's definitions. abs and relu have
/// derivative 0 at 0; rsqrt is 1 / sqrt(x); sigmoid 1 / (1 + e^-x); silu x sigmoid(x).
#define TASUKI_UNARY(name) Tensor name(const Tensor& x, SourceLocation at = SourceLocation::current());
#include "tasuki/tensor/unary_names.inc"
#undef TASUKI_UNARY

/// x where x > 0, else slope * x.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01, SourceLocation at = SourceLocation::current());
/// x where x > 0, else alpha (e^x - 1).
Tensor elu(const Tensor& x, double alpha = 1, SourceLocation at = SourceLocation::current());
/// x/2 (1 + erf(x / sqrt 2)).
Tensor gelu(const Tensor& x, SourceLocation at = SourceLocation::current());
/// x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): close to gelu, and what GPT-2 was trained with.
Tensor gelu_tanh(const Tensor& x, SourceLocation at = SourceLocation::current());
/// ln(1 + e^(beta x)) / beta; x itself where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20, SourceLocation at = SourceLocation::current());
/// x limited to [lowest, highest]; the gradient passes where lowest <= x <= highest. Throws ValueError unless lowest <= highest.
Tensor clamp(const Tensor& x, double lowest, double highest, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
