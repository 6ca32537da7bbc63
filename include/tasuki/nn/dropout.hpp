#pragma once
#include "tasuki/core/error.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/dropout.hpp"

namespace tasuki::nn {

/// In training, zeroes each element with probability p and scales the others by 1 / (1 - p); in evaluation, x itself.
class Dropout : public Module {
 public:
  explicit Dropout(double p = 0.5) : p_(p) { check(); }
  Dropout(Module* parent, std::string_view name, double p = 0.5) : Module(parent, name), p_(p) { check(); }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(dropout(s.enter(x), p_, is_training(), at));
  }
  double p() const { return p_; }
  ModulePtr clone() const override { return clone_as(*this, p_); }

 private:
  void check() const { TASUKI_CHECK(ValueError, p_ >= 0 && p_ <= 1, "Dropout was asked for the probability ", p_); }
  double p_;
};

}  // namespace tasuki::nn
