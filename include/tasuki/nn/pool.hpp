#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/pool2d.hpp"

namespace tasuki::nn {

/// Largest value of each window; windows lie side by side unless the options give a stride. Shapes as ts::max_pool2d.
class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(IntPair kernel, const MaxPool2dOptions& options = {}) : kernel_(kernel), options_(options) {}
  MaxPool2d(Module* parent, std::string_view name, IntPair kernel, const MaxPool2dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(max_pool2d(s.enter(x), kernel_, options_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel_, options_); }

 private:
  IntPair kernel_;
  MaxPool2dOptions options_;
};

/// Mean of each window.
class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(IntPair kernel, const AvgPool2dOptions& options = {}) : kernel_(kernel), options_(options) {}
  AvgPool2d(Module* parent, std::string_view name, IntPair kernel, const AvgPool2dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(avg_pool2d(s.enter(x), kernel_, options_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel_, options_); }

 private:
  IntPair kernel_;
  AvgPool2dOptions options_;
};

/// Means over windows that cover the image in a grid of the given size, whatever the image's; 1 is the global average.
class AdaptiveAvgPool2d : public Module {
 public:
  explicit AdaptiveAvgPool2d(IntPair output) : output_(output) {}
  AdaptiveAvgPool2d(Module* parent, std::string_view name, IntPair output) : Module(parent, name), output_(output) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(adaptive_avg_pool2d(s.enter(x), output_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, output_); }

 private:
  IntPair output_;
};

}  // namespace tasuki::nn
