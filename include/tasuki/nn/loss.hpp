#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/margin_loss.hpp"
#include "tasuki/ops/mse_loss.hpp"
#include "tasuki/ops/nll_loss.hpp"
#include "tasuki/ops/pointwise_loss.hpp"

/// Losses as modules that carry their options, for those who choose one by configuration; formulas, shapes and errors stand with the
/// functions. Called as loss(x, target).
///
///     ts::nn::SmoothL1Loss loss{{.beta = 0.5}};
///     loss(net(x), target).backward();
namespace tasuki::nn {

/// A module around a function of x, target and options.
template <class Options, Tensor (*function)(const Tensor&, const Tensor&, const Options&, SourceLocation)>
class LossModule : public Module {
 public:
  explicit LossModule(const Options& options = {}) : options_(options) {}
  LossModule(Module* parent, std::string_view name, const Options& options = {}) : Module(parent, name), options_(options) {}
  Tensor operator()(const Tensor& x, const Tensor& target, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(function(s.enter(x), target, options_, at));
  }
  const Options& options() const { return options_; }

 private:
  Options options_;
};

namespace detail {
template <Tensor (*function)(const Tensor&, const Tensor&, Reduction, SourceLocation)>
Tensor with_reduction(const Tensor& x, const Tensor& target, const Reduction& reduction, SourceLocation at) {
  return function(x, target, reduction, at);
}
}  // namespace detail

#define TASUKI_LOSS_MODULE(Name, Options, function)                              \
  class Name : public LossModule<Options, function> {                            \
   public:                                                                       \
    using LossModule::LossModule;                                                \
    ModulePtr clone() const override { return clone_as(*this, options()); }      \
  };
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
TASUKI_LOSS_MODULE(MultiLabelSoftMarginLoss, Reduction, detail::with_reduction<multilabel_soft_margin_loss>)
TASUKI_LOSS_MODULE(DiceLoss, DiceLossOptions, dice_loss)
#undef TASUKI_LOSS_MODULE

}  // namespace tasuki::nn
