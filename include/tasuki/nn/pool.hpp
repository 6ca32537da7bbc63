#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/pool.hpp"

namespace tasuki::nn {

namespace detail {

/// What the poolings over windows are made of: a kernel and options.
template <class Options>
class Pooling : public Module {
 public:
  const SpatialInts& kernel() const { return kernel_; }
  const Options& options() const { return options_; }

 protected:
  Pooling(const SpatialInts& kernel, const Options& options) : kernel_(kernel), options_(options) {}
  Pooling(Module* parent, std::string_view name, const SpatialInts& kernel, const Options& options)
      : Module(parent, name), kernel_(kernel), options_(options) {}

 private:
  SpatialInts kernel_;
  Options options_;
};

}  // namespace detail

/// Largest value of each window of signals; windows lie side by side unless the options give a stride. Shapes as ts::max_pool1d.
class MaxPool1d : public detail::Pooling<MaxPoolOptions> {
 public:
  explicit MaxPool1d(const SpatialInts& kernel, const MaxPoolOptions& options = {}) : Pooling(kernel, options) {}
  MaxPool1d(Module* parent, std::string_view name, const SpatialInts& kernel, const MaxPoolOptions& options = {})
      : Pooling(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(max_pool1d(s.enter(x), kernel(), options(), at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel(), options()); }
};

/// Largest value of each window of images; windows lie side by side unless the options give a stride. Shapes as ts::max_pool2d.
class MaxPool2d : public detail::Pooling<MaxPoolOptions> {
 public:
  explicit MaxPool2d(const SpatialInts& kernel, const MaxPoolOptions& options = {}) : Pooling(kernel, options) {}
  MaxPool2d(Module* parent, std::string_view name, const SpatialInts& kernel, const MaxPoolOptions& options = {})
      : Pooling(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(max_pool2d(s.enter(x), kernel(), options(), at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel(), options()); }
};

/// Largest value of each window of volumes; windows lie side by side unless the options give a stride. Shapes as ts::max_pool3d.
class MaxPool3d : public detail::Pooling<MaxPoolOptions> {
 public:
  explicit MaxPool3d(const SpatialInts& kernel, const MaxPoolOptions& options = {}) : Pooling(kernel, options) {}
  MaxPool3d(Module* parent, std::string_view name, const SpatialInts& kernel, const MaxPoolOptions& options = {})
      : Pooling(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(max_pool3d(s.enter(x), kernel(), options(), at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel(), options()); }
};

/// Mean of each window of signals; windows lie side by side unless the options give a stride. Shapes as ts::avg_pool1d.
class AvgPool1d : public detail::Pooling<AvgPoolOptions> {
 public:
  explicit AvgPool1d(const SpatialInts& kernel, const AvgPoolOptions& options = {}) : Pooling(kernel, options) {}
  AvgPool1d(Module* parent, std::string_view name, const SpatialInts& kernel, const AvgPoolOptions& options = {})
      : Pooling(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(avg_pool1d(s.enter(x), kernel(), options(), at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel(), options()); }
};

/// Mean of each window of images; windows lie side by side unless the options give a stride. Shapes as ts::avg_pool2d.
class AvgPool2d : public detail::Pooling<AvgPoolOptions> {
 public:
  explicit AvgPool2d(const SpatialInts& kernel, const AvgPoolOptions& options = {}) : Pooling(kernel, options) {}
  AvgPool2d(Module* parent, std::string_view name, const SpatialInts& kernel, const AvgPoolOptions& options = {})
      : Pooling(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(avg_pool2d(s.enter(x), kernel(), options(), at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel(), options()); }
};

/// Mean of each window of volumes; windows lie side by side unless the options give a stride. Shapes as ts::avg_pool3d.
class AvgPool3d : public detail::Pooling<AvgPoolOptions> {
 public:
  explicit AvgPool3d(const SpatialInts& kernel, const AvgPoolOptions& options = {}) : Pooling(kernel, options) {}
  AvgPool3d(Module* parent, std::string_view name, const SpatialInts& kernel, const AvgPoolOptions& options = {})
      : Pooling(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(avg_pool3d(s.enter(x), kernel(), options(), at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel(), options()); }
};

/// Means over windows that cover a signal in a grid of the given size, whatever the signal's; 1 is the global average.
class AdaptiveAvgPool1d : public Module {
 public:
  explicit AdaptiveAvgPool1d(const SpatialInts& output) : output_(output) {}
  AdaptiveAvgPool1d(Module* parent, std::string_view name, const SpatialInts& output) : Module(parent, name), output_(output) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(adaptive_avg_pool1d(s.enter(x), output_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, output_); }

 private:
  SpatialInts output_;
};

/// Means over windows that cover an image in a grid of the given size, whatever the image's; 1 is the global average.
class AdaptiveAvgPool2d : public Module {
 public:
  explicit AdaptiveAvgPool2d(const SpatialInts& output) : output_(output) {}
  AdaptiveAvgPool2d(Module* parent, std::string_view name, const SpatialInts& output) : Module(parent, name), output_(output) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(adaptive_avg_pool2d(s.enter(x), output_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, output_); }

 private:
  SpatialInts output_;
};

/// Means over windows that cover a volume in a grid of the given size, whatever the volume's; 1 is the global average.
class AdaptiveAvgPool3d : public Module {
 public:
  explicit AdaptiveAvgPool3d(const SpatialInts& output) : output_(output) {}
  AdaptiveAvgPool3d(Module* parent, std::string_view name, const SpatialInts& output) : Module(parent, name), output_(output) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(adaptive_avg_pool3d(s.enter(x), output_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, output_); }

 private:
  SpatialInts output_;
};

}  // namespace tasuki::nn
