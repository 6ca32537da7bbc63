#pragma once
#include <cstdint>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/tensor/tensor.hpp"

/// First values of parameters, in place; they draw from the default generator and return the tensor.
///
///     ts::nn::init::kaiming_normal_(conv.weight, {.mode = ts::nn::init::Fan::out});
namespace tasuki::nn::init {

/// What keeps its variance: the activations on the way forward (fan in), or the gradients on the way back (fan out).
enum class Fan : std::uint8_t { in, out };
/// What follows the layer; each has its gain, the factor that makes up for the variance it takes.
enum class Nonlinearity : std::uint8_t { linear, sigmoid, tanh, relu, leaky_relu, selu };

/// 1, 1, 5/3, sqrt(2), sqrt(2 / (1 + a^2)), 3/4. `a` is the slope of leaky_relu.
inline double gain(Nonlinearity after, double a = 0.01) {
  switch (after) {
    case Nonlinearity::tanh: return 5.0 / 3;
    case Nonlinearity::relu: return __builtin_sqrt(2.0);
    case Nonlinearity::leaky_relu: return __builtin_sqrt(2.0 / (1 + a * a));
    case Nonlinearity::selu: return 0.75;
    default: return 1;
  }
}

struct Fans {
  double in, out;
};
/// Connections per output and per input of a weight [out, in, kernel...]. Throws ShapeError below two dimensions.
inline Fans fans_of(const Tensor& weight) {
  TASUKI_CHECK_OP(ShapeError, weight.ndim(), >=, 2, "fans are those of a weight [out, in, kernel...], not of ", weight.describe());
  double taps = 1;
  for (int d = 2; d < weight.ndim(); ++d) taps *= static_cast<double>(weight.size(d));
  return {static_cast<double>(weight.size(1)) * taps, static_cast<double>(weight.size(0)) * taps};
}

inline const Tensor& constant_(const Tensor& x, double value) {
  const NoGrad off;
  return x.fill_(value);
}
inline const Tensor& zeros_(const Tensor& x) { return constant_(x, 0); }
inline const Tensor& ones_(const Tensor& x) { return constant_(x, 1); }
inline const Tensor& uniform_(const Tensor& x, double low = 0, double high = 1) {
  const NoGrad off;
  return tasuki::uniform_(x, low, high);
}
inline const Tensor& normal_(const Tensor& x, double mean = 0, double std = 1) {
  const NoGrad off;
  return tasuki::normal_(x, mean, std);
}
/// Normal, cut off at `low` and `high` (absolute values, not multiples of std), as in PyTorch.
inline const Tensor& trunc_normal_(const Tensor& x, double mean = 0, double std = 1, double low = -2, double high = 2) {
  const NoGrad off;
  return tasuki::truncated_normal_(x, mean, std, low, high);
}

/// Glorot and Bengio, 2010: uniform in +-gain sqrt(6 / (fan in + fan out)).
inline const Tensor& xavier_uniform_(const Tensor& x, double gain = 1) {
  const Fans fans = fans_of(x);
  const double bound = gain * __builtin_sqrt(6 / (fans.in + fans.out));
  return init::uniform_(x, -bound, bound);
}
/// Normal with standard deviation gain sqrt(2 / (fan in + fan out)).
inline const Tensor& xavier_normal_(const Tensor& x, double gain = 1) {
  const Fans fans = fans_of(x);
  return init::normal_(x, 0, gain * __builtin_sqrt(2 / (fans.in + fans.out)));
}

struct KaimingOptions {
  double a = 0;  ///< slope of the leaky ReLU that follows
  Fan mode = Fan::in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
};
/// He et al., 2015: uniform in +-gain sqrt(3 / fan).
inline const Tensor& kaiming_uniform_(const Tensor& x, const KaimingOptions& options = {}) {
  const Fans fans = fans_of(x);
  const double bound = gain(options.nonlinearity, options.a) * __builtin_sqrt(3 / (options.mode == Fan::in ? fans.in : fans.out));
  return init::uniform_(x, -bound, bound);
}
/// Normal with standard deviation gain / sqrt(fan).
inline const Tensor& kaiming_normal_(const Tensor& x, const KaimingOptions& options = {}) {
  const Fans fans = fans_of(x);
  return init::normal_(x, 0, gain(options.nonlinearity, options.a) / __builtin_sqrt(options.mode == Fan::in ? fans.in : fans.out));
}

/// Saxe et al., 2013: a matrix [out, rest...] with orthonormal rows or columns, whichever are fewer, times gain.
const Tensor& orthogonal_(const Tensor& x, double gain = 1);
/// Martens, 2010: a matrix of normal values, with ceil(sparsity rows) zeros at random in each column.
const Tensor& sparse_(const Tensor& x, double sparsity, double std = 0.01);
/// The weight [out, in, kernel...] of a convolution that passes its input channels on: 1 at the centres, in each group; as many as fit.
const Tensor& dirac_(const Tensor& x, std::int64_t groups = 1);
/// A matrix with ones on the diagonal.
const Tensor& eye_(const Tensor& x);

/// What Linear and convolutions start from, as in PyTorch: weight and bias uniform in +-1 / sqrt(fan in), the weight as
/// kaiming_uniform_ with a = sqrt(5).
inline void linear_default_(const Tensor& weight, const Tensor& bias) {
  const Fans fans = fans_of(weight);
  if (fans.in == 0) return;
  kaiming_uniform_(weight, {.a = __builtin_sqrt(5.0)});
  const double bound = 1 / __builtin_sqrt(fans.in);
  if (bias.defined()) init::uniform_(bias, -bound, bound);
}

}  // namespace tasuki::nn::init
