#pragma once
#include "tasuki/core/error.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/dropout.hpp"
#include "tasuki/ops/feature_dropout.hpp"

namespace tasuki::nn {

/// What the dropouts share: a probability, and that they do something in training alone.
template <class Self, Tensor (*function)(const Tensor&, double, bool, SourceLocation)>
class DropoutModule : public Module {
 public:
  explicit DropoutModule(double p = 0.5) : p_(p) { check(); }
  DropoutModule(Module* parent, std::string_view name, double p = 0.5) : Module(parent, name), p_(p) { check(); }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(function(s.enter(x), p_, is_training(), at));
  }
  double p() const { return p_; }

 private:
  void check() const { TASUKI_CHECK(ValueError, p_ >= 0 && p_ <= 1, Self::name, " was asked for the probability ", p_); }
  double p_;
};

#define TASUKI_DROPOUT_MODULE(Name, function)                                        \
  class Name : public DropoutModule<Name, function> {                                \
   public:                                                                           \
    static constexpr const char* name = #Name;                                       \
    using DropoutModule::DropoutModule;                                              \
    ModulePtr clone() const override { return clone_as(*this, p()); }                \
  };
/// In training, zeroes each element with probability p and scales the others by 1 / (1 - p); in evaluation, x itself.
TASUKI_DROPOUT_MODULE(Dropout, dropout)
/// The same for whole channels x[n, c, ...], for whole samples, and for networks of SELU; see the functions.
TASUKI_DROPOUT_MODULE(FeatureDropout, feature_dropout)
TASUKI_DROPOUT_MODULE(DropPath, drop_path)
TASUKI_DROPOUT_MODULE(AlphaDropout, alpha_dropout)
#undef TASUKI_DROPOUT_MODULE
/// Channels of sequences, images and volumes are dropped alike.
using Dropout1d = FeatureDropout;
using Dropout2d = FeatureDropout;
using Dropout3d = FeatureDropout;

}  // namespace tasuki::nn
