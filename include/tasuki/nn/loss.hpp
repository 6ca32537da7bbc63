#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/ctc_loss.hpp"
#include "tasuki/ops/margin_loss.hpp"
#include "tasuki/ops/mse_loss.hpp"
#include "tasuki/ops/nll_loss.hpp"
#include "tasuki/ops/pointwise_loss.hpp"

/// Losses as modules that carry their options, for those who choose one by configuration; formulas, shapes and errors stand with the
/// functions. Called as loss(x, target), or with the operands that the function takes.
///
///     ts::nn::SmoothL1Loss loss{{.beta = 0.5}};
///     loss(net(x), target).backward();
namespace tasuki::nn {

namespace detail {

/// What the losses share: their options.
template <class Options>
class WithOptions : public Module {
 public:
  explicit WithOptions(const Options& options = {}) : options_(options) {}
  WithOptions(Module* parent, std::string_view name, const Options& options = {}) : Module(parent, name), options_(options) {}
  const Options& options() const { return options_; }

 private:
  Options options_;
};

}  // namespace detail

/// A module around a function of x, target and options.
template <class Options, Tensor (*function)(const Tensor&, const Tensor&, const Options&, SourceLocation)>
class LossModule : public detail::WithOptions<Options> {
 public:
  using detail::WithOptions<Options>::WithOptions;
  Tensor operator()(const Tensor& x, const Tensor& target, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(function(s.enter(x), target, this->options(), at));
  }
};

/// A module around a function of three operands and options.
template <class Options, Tensor (*function)(const Tensor&, const Tensor&, const Tensor&, const Options&, SourceLocation)>
class TripleLossModule : public detail::WithOptions<Options> {
 public:
  using detail::WithOptions<Options>::WithOptions;
  Tensor operator()(const Tensor& a, const Tensor& b, const Tensor& c, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(function(s.enter(a), b, c, this->options(), at));
  }
};

/// loss(log_probs, targets, input_lengths, target_lengths), as ts::ctc_loss.
class CTCLoss : public detail::WithOptions<CtcLossOptions> {
 public:
  using WithOptions::WithOptions;
  Tensor operator()(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths,
                    SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(ctc_loss(s.enter(log_probs), targets, input_lengths, target_lengths, options(), at));
  }
  ModulePtr clone() const override { return clone_as(*this, options()); }
};

namespace detail {
template <Tensor (*function)(const Tensor&, const Tensor&, Reduction, SourceLocation)>
Tensor with_reduction(const Tensor& x, const Tensor& target, const Reduction& reduction, SourceLocation at) {
  return function(x, target, reduction, at);
}
}  // namespace detail

#define TASUKI_MODULE_WITH_OPTIONS(Name, Base, Options, function)                \
  class Name : public Base<Options, function> {                                  \
   public:                                                                       \
    using Base::Base;                                                            \
    ModulePtr clone() const override { return clone_as(*this, options()); }      \
  };
#define TASUKI_LOSS_MODULE(Name, Options, function) TASUKI_MODULE_WITH_OPTIONS(Name, LossModule, Options, function)
#define TASUKI_TRIPLE_LOSS_MODULE(Name, Options, function) TASUKI_MODULE_WITH_OPTIONS(Name, TripleLossModule, Options, function)
TASUKI_LOSS_MODULE(L1Loss, Reduction, detail::with_reduction<l1_loss>)
TASUKI_LOSS_MODULE(MSELoss, Reduction, detail::with_reduction<mse_loss>)
TASUKI_LOSS_MODULE(SmoothL1Loss, SmoothL1LossOptions, smooth_l1_loss)
TASUKI_LOSS_MODULE(HuberLoss, HuberLossOptions, huber_loss)
TASUKI_LOSS_MODULE(CrossEntropyLoss, CrossEntropyOptions, cross_entropy)
TASUKI_LOSS_MODULE(NLLLoss, NllLossOptions, nll_loss)
TASUKI_LOSS_MODULE(BCELoss, BinaryCrossEntropyOptions, binary_cross_entropy)
TASUKI_LOSS_MODULE(BCEWithLogitsLoss, BinaryCrossEntropyWithLogitsOptions, binary_cross_entropy_with_logits)
TASUKI_LOSS_MODULE(KLDivLoss, KlDivOptions, kl_div)
TASUKI_LOSS_MODULE(PoissonNLLLoss, PoissonNllLossOptions, poisson_nll_loss)
TASUKI_LOSS_MODULE(SoftMarginLoss, Reduction, detail::with_reduction<soft_margin_loss>)
TASUKI_LOSS_MODULE(HingeLoss, Reduction, detail::with_reduction<hinge_loss>)
TASUKI_LOSS_MODULE(HingeEmbeddingLoss, MarginOptions, hinge_embedding_loss)
TASUKI_LOSS_MODULE(SigmoidFocalLoss, FocalLossOptions, sigmoid_focal_loss)
TASUKI_LOSS_MODULE(MultiMarginLoss, MultiMarginLossOptions, multi_margin_loss)
TASUKI_LOSS_MODULE(MultiLabelMarginLoss, Reduction, detail::with_reduction<multilabel_margin_loss>)
TASUKI_LOSS_MODULE(MultiLabelSoftMarginLoss, Reduction, detail::with_reduction<multilabel_soft_margin_loss>)
TASUKI_LOSS_MODULE(DiceLoss, DiceLossOptions, dice_loss)
/// Not losses, but built alike: a number for each pair of vectors.
TASUKI_LOSS_MODULE(CosineSimilarity, CosineSimilarityOptions, cosine_similarity)
TASUKI_LOSS_MODULE(PairwiseDistance, PairwiseDistanceOptions, pairwise_distance)
/// loss(x1, x2, target), loss(anchor, positive, negative) and loss(x, target, var).
TASUKI_TRIPLE_LOSS_MODULE(CosineEmbeddingLoss, CosineEmbeddingLossOptions, cosine_embedding_loss)
TASUKI_TRIPLE_LOSS_MODULE(MarginRankingLoss, MarginRankingLossOptions, margin_ranking_loss)
TASUKI_TRIPLE_LOSS_MODULE(TripletMarginLoss, TripletMarginLossOptions, triplet_margin_loss)
TASUKI_TRIPLE_LOSS_MODULE(GaussianNLLLoss, GaussianNllLossOptions, gaussian_nll_loss)
#undef TASUKI_LOSS_MODULE
#undef TASUKI_TRIPLE_LOSS_MODULE
#undef TASUKI_MODULE_WITH_OPTIONS

}  // namespace tasuki::nn
