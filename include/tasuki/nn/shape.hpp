#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki::nn {

/// Joins the dimensions from..to into one: by default all but the batch's.
class Flatten : public Module {
 public:
  explicit Flatten(int from = 1, int to = -1) : from_(from), to_(to) {}
  Flatten(Module* parent, std::string_view name, int from = 1, int to = -1) : Module(parent, name), from_(from), to_(to) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(flatten(s.enter(x), from_, to_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, from_, to_); }

 private:
  int from_, to_;
};

/// x itself: takes the place of a layer that is not there.
class Identity : public Module {
 public:
  using Module::Module;
  Tensor operator()(const Tensor& x, SourceLocation = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(s.enter(x));
  }
  ModulePtr clone() const override { return clone_as(*this); }
};

}  // namespace tasuki::nn
