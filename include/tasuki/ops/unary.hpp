#pragma once
#include <optional>

#include "tasuki/tensor/tensor.hpp"

/// Elementwise functions of one operand. Floating dtypes; neg, abs, square, relu, clamp and sign take integers too. Half types compute
/// in f32. Each saves its input or its output for backward, whichever its derivative is made of; all can be differentiated any
/// number of times. NaN gives NaN.
namespace tasuki {

/// exp log sqrt rsqrt abs neg square reciprocal sin cos tanh sigmoid relu silu erf, by PyTorch's definitions. abs and relu have
/// derivative 0 at 0; rsqrt is 1 / sqrt(x); sigmoid 1 / (1 + e^-x); silu x sigmoid(x).
#define TASUKI_UNARY(name) Tensor name(const Tensor& x, SourceLocation at = SourceLocation::current());
#include "tasuki/tensor/unary_names.inc"
#undef TASUKI_UNARY

/// By PyTorch's definitions:
///   expm1 = e^x - 1 and log1p = ln(1 + x) without cancellation near 0; log2, log10; tan, asin, acos, atan; sinh, cosh, asinh, acosh, atanh;
///   erfc = 1 - erf; lgamma = ln |Gamma(x)|, and digamma, its derivative;
///   sign (takes integers too), floor, ceil, round (halves to even), trunc (towards 0): derivative 0; frac = x - trunc(x): derivative 1;
///   relu6 = min(max(x, 0), 6); hardsigmoid = relu6(x + 3) / 6; hardswish = x hardsigmoid(x); selu, elu with the constants of Klambauer et
///   al., 2017; mish = x tanh(softplus(x)); logsigmoid = ln sigmoid(x); tanhshrink = x - tanh(x);
///   gelu = x/2 (1 + erf(x / sqrt 2)), and gelu_tanh = x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which GPT-2 was trained with.
#define TASUKI_UNARY(name) Tensor name(const Tensor& x, SourceLocation at = SourceLocation::current());
#include "tasuki/ops/unary_functions.inc"
#undef TASUKI_UNARY

/// The n-th derivative of digamma, n >= 0. Below 0, by recurrence for n > 1.
Tensor polygamma(int n, const Tensor& x, SourceLocation at = SourceLocation::current());
/// x with numbers in place of NaN and the infinities, for which the dtype's extremes are the default. The gradient passes where x is finite.
Tensor nan_to_num(const Tensor& x, double nan = 0, std::optional<double> infinity = {}, std::optional<double> minus_infinity = {},
                  SourceLocation at = SourceLocation::current());
/// x where x > 0, else slope * x.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01, SourceLocation at = SourceLocation::current());
/// x where x > 0, else alpha (e^x - 1).
Tensor elu(const Tensor& x, double alpha = 1, SourceLocation at = SourceLocation::current());
/// x where x > 0, else alpha (e^(x / alpha) - 1).
Tensor celu(const Tensor& x, double alpha = 1, SourceLocation at = SourceLocation::current());
/// x limited to [lowest, highest]; the gradient passes where lowest < x < highest, unlike clamp's.
Tensor hardtanh(const Tensor& x, double lowest = -1, double highest = 1, SourceLocation at = SourceLocation::current());
/// x moved towards 0 by lambda, and 0 where |x| <= lambda.
Tensor softshrink(const Tensor& x, double lambda = 0.5, SourceLocation at = SourceLocation::current());
/// ln(1 + e^(beta x)) / beta; x itself where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20, SourceLocation at = SourceLocation::current());
/// x limited to [lowest, highest]; the gradient passes where lowest <= x <= highest. Throws ValueError unless lowest <= highest.
Tensor clamp(const Tensor& x, double lowest, double highest, SourceLocation at = SourceLocation::current());
/// The same with one limit. (Limits that are tensors: ts::maximum, ts::minimum.)
Tensor clamp_min(const Tensor& x, double lowest, SourceLocation at = SourceLocation::current());
Tensor clamp_max(const Tensor& x, double highest, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
