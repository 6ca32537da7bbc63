#pragma once
#include "tasuki/tensor/random.hpp"
#include "tasuki/tensor/tensor.hpp"

/// Further activations; but for hardshrink and threshold they are made of other ops, which save what they need. f32 f64 bf16 f16, any
/// strides. Differentiable any number of times; deterministic. Errors: IndexError for a dimension out of range, DTypeError, ValueError
/// as stated.
namespace tasuki {

/// x / (1 + |x|).
Tensor softsign(const Tensor& x, SourceLocation at = SourceLocation::current());
/// x where |x| > lambda, else 0.
Tensor hardshrink(const Tensor& x, double lambda = 0.5, SourceLocation at = SourceLocation::current());
/// x where x > threshold, else value.
Tensor threshold(const Tensor& x, double threshold, double value, SourceLocation at = SourceLocation::current());
/// softmax(-x) along `dim`.
Tensor softmin(const Tensor& x, int dim, SourceLocation at = SourceLocation::current());
/// a sigmoid(b) of the halves a and b of x along `dim`, whose size is even (ShapeError). Dauphin et al., 2017.
Tensor glu(const Tensor& x, int dim = -1, SourceLocation at = SourceLocation::current());

/// x where x > 0, else a slope times x that is drawn anew for each element (Xu et al., 2015): in training uniform in [lower, upper] from the
/// generator (the default one where it is null) and the same on replay, otherwise their mean. Saves x and, in training, the slopes.
/// ValueError unless lower <= upper.
struct RreluOptions {
  double lower = 1.0 / 8, upper = 1.0 / 3;
};
Tensor rrelu(const Tensor& x, const RreluOptions& options = {}, bool training = false, Generator* generator = nullptr,
             SourceLocation at = SourceLocation::current());

/// A sample of a categorical distribution that gradients pass through (Jang et al., 2017): softmax((x + noise) / tau) along `dim`, with
/// Gumbel noise from the generator (the default one where it is null). `hard`: the result is one-hot, the gradient that of the soft
/// sample. ValueError unless tau > 0. The noise is the same on replay.
struct GumbelSoftmaxOptions {
  double tau = 1;
  bool hard = false;
  int dim = -1;
};
Tensor gumbel_softmax(const Tensor& x, const GumbelSoftmaxOptions& options = {}, Generator* generator = nullptr,
                      SourceLocation at = SourceLocation::current());

}  // namespace tasuki
