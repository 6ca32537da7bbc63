#pragma once
#include "tasuki/ops/reduction.hpp"
#include "tasuki/tensor/tensor.hpp"

/// Losses of each element and its target: their mean, their sum, or elementwise.
///
/// x and target: equal shapes and dtypes, f32 f64 bf16 f16, any strides; nothing is broadcast, because a loss that broadcasts hides
/// mistakes. Differentiable any number of times in both. They save both. Deterministic, for any number of threads. Errors: ShapeError,
/// DTypeError when the operands differ; ValueError for a parameter out of range.
namespace tasuki {

/// |x - target|.
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean, SourceLocation at = SourceLocation::current());

/// (x - target)^2 / (2 beta) where |x - target| < beta, else |x - target| - beta / 2. beta >= 0; 0 is l1_loss.
struct SmoothL1LossOptions {
  double beta = 1;
  Reduction reduction = Reduction::mean;
};
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1LossOptions& options = {}, SourceLocation at = SourceLocation::current());

/// (x - target)^2 / 2 where |x - target| <= delta, else delta (|x - target| - delta / 2). delta > 0.
struct HuberLossOptions {
  double delta = 1;
  Reduction reduction = Reduction::mean;
};
Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberLossOptions& options = {}, SourceLocation at = SourceLocation::current());

/// -(target ln x + (1 - target) ln(1 - x)) of probabilities, with logarithms of at least -100; times weight, which broadcasts.
struct BinaryCrossEntropyOptions {
  Tensor weight{};
  Reduction reduction = Reduction::mean;
};
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const BinaryCrossEntropyOptions& options = {},
                            SourceLocation at = SourceLocation::current());

/// The same of sigmoid(x), without overflow. pos_weight (which broadcasts) multiplies the part of target.
struct BinaryCrossEntropyWithLogitsOptions {
  Tensor weight{}, pos_weight{};
  Reduction reduction = Reduction::mean;
};
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const BinaryCrossEntropyWithLogitsOptions& options = {},
                                        SourceLocation at = SourceLocation::current());

/// target (ln target - x) of log-probabilities x; with log_target, target is in logarithms, too. batch_mean: the sum over the first
/// size, which is the divergence of each sample on average; reduction does not count then.
struct KlDivOptions {
  bool log_target = false, batch_mean = false;
  Reduction reduction = Reduction::mean;
};
Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options = {}, SourceLocation at = SourceLocation::current());

/// e^x - target x; with log_input = false, x - target ln(x + eps).
struct PoissonNllLossOptions {
  bool log_input = true;
  double eps = 1e-8;
  Reduction reduction = Reduction::mean;
};
Tensor poisson_nll_loss(const Tensor& x, const Tensor& target, const PoissonNllLossOptions& options = {}, SourceLocation at = SourceLocation::current());

/// (ln v + (x - target)^2 / v) / 2 with v = max(var, eps), the negative log likelihood of the target under a normal distribution of mean x
/// and variance var; `full` adds ln(2 pi) / 2. var has x's shape, or one element for each sample (a last size of 1, or none). Made of
/// other ops. ValueError unless eps > 0. (PyTorch passes the gradient to variances below eps, too, and refuses negative ones.)
struct GaussianNllLossOptions {
  bool full = false;
  double eps = 1e-6;
  Reduction reduction = Reduction::mean;
};
Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& var, const GaussianNllLossOptions& options = {},
                         SourceLocation at = SourceLocation::current());

/// ln(1 + e^(-target x)), and max(0, 1 - target x), of targets -1 and 1.
Tensor soft_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean, SourceLocation at = SourceLocation::current());
Tensor hinge_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean, SourceLocation at = SourceLocation::current());

/// x where target is 1, max(0, margin - x) where it is -1.
struct MarginOptions {
  double margin = 1;
  Reduction reduction = Reduction::mean;
};
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target, const MarginOptions& options = {}, SourceLocation at = SourceLocation::current());

/// alpha_t (1 - p_t)^gamma times binary_cross_entropy_with_logits, where p_t is the probability of the target's class and alpha_t is
/// alpha for 1, 1 - alpha for 0 (alpha < 0: no such factor). Lin et al. 2017.
struct FocalLossOptions {
  double alpha = 0.25, gamma = 2;
  Reduction reduction = Reduction::mean;
};
Tensor sigmoid_focal_loss(const Tensor& x, const Tensor& target, const FocalLossOptions& options = {}, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
