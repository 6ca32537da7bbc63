#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/pool_indices.hpp"

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

/// Poolings to a grid of a given size.
template <class Layer, Tensor (*pool)(const Tensor&, SpatialInts, SourceLocation)>
class AdaptivePooling : public Module {
 public:
  explicit AdaptivePooling(const SpatialInts& output) : output_(output) {}
  AdaptivePooling(Module* parent, std::string_view name, const SpatialInts& output) : Module(parent, name), output_(output) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(pool(s.enter(x), output_, at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return clone_as(static_cast<const Layer&>(*this), output_); }

 private:
  SpatialInts output_;
};

/// Poolings that raise to a power.
template <class Layer, Tensor (*pool)(const Tensor&, double, SpatialInts, const LpPoolOptions&, SourceLocation)>
class PowerPooling : public Pooling<LpPoolOptions> {
 public:
  PowerPooling(double p, const SpatialInts& kernel, const LpPoolOptions& options = {}) : Pooling(kernel, options), p_(p) {}
  PowerPooling(Module* parent, std::string_view name, double p, const SpatialInts& kernel, const LpPoolOptions& options = {})
      : Pooling(parent, name, kernel, options), p_(p) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(pool(s.enter(x), p_, kernel(), options(), at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return clone_as(static_cast<const Layer&>(*this), p_, kernel(), options()); }

 private:
  double p_;
};

/// The way back from a pooling with indices.
template <class Layer, Tensor (*unpool)(const Tensor&, const Tensor&, SpatialInts, const MaxUnpoolOptions&, SourceLocation)>
class Unpooling : public Pooling<MaxUnpoolOptions> {
 public:
  explicit Unpooling(const SpatialInts& kernel, const MaxUnpoolOptions& options = {}) : Pooling(kernel, options) {}
  Unpooling(Module* parent, std::string_view name, const SpatialInts& kernel, const MaxUnpoolOptions& options = {}) : Pooling(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, const Tensor& indices, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(unpool(s.enter(x), indices, kernel(), options(), at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return clone_as(static_cast<const Layer&>(*this), kernel(), options()); }
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

/// Largest values over windows that cover a signal, an image or a volume in a grid of the given size.
class AdaptiveMaxPool1d : public detail::AdaptivePooling<AdaptiveMaxPool1d, adaptive_max_pool1d> {
 public:
  using AdaptivePooling::AdaptivePooling;
  ModulePtr clone() const override { return copy(); }
};
class AdaptiveMaxPool2d : public detail::AdaptivePooling<AdaptiveMaxPool2d, adaptive_max_pool2d> {
 public:
  using AdaptivePooling::AdaptivePooling;
  ModulePtr clone() const override { return copy(); }
};
class AdaptiveMaxPool3d : public detail::AdaptivePooling<AdaptiveMaxPool3d, adaptive_max_pool3d> {
 public:
  using AdaptivePooling::AdaptivePooling;
  ModulePtr clone() const override { return copy(); }
};

/// (sum x^p)^(1/p) of each window: LPPool2d{2, 3} is the Euclidean length of 3 x 3 pixels. Shapes as ts::lp_pool1d to 3d.
class LPPool1d : public detail::PowerPooling<LPPool1d, lp_pool1d> {
 public:
  using PowerPooling::PowerPooling;
  ModulePtr clone() const override { return copy(); }
};
class LPPool2d : public detail::PowerPooling<LPPool2d, lp_pool2d> {
 public:
  using PowerPooling::PowerPooling;
  ModulePtr clone() const override { return copy(); }
};
class LPPool3d : public detail::PowerPooling<LPPool3d, lp_pool3d> {
 public:
  using PowerPooling::PowerPooling;
  ModulePtr clone() const override { return copy(); }
};

/// The values of a pooling at their indices, in zeros: unpool(values, indices). Shapes as ts::max_unpool1d to 3d.
class MaxUnpool1d : public detail::Unpooling<MaxUnpool1d, max_unpool1d> {
 public:
  using Unpooling::Unpooling;
  ModulePtr clone() const override { return copy(); }
};
class MaxUnpool2d : public detail::Unpooling<MaxUnpool2d, max_unpool2d> {
 public:
  using Unpooling::Unpooling;
  ModulePtr clone() const override { return copy(); }
};
class MaxUnpool3d : public detail::Unpooling<MaxUnpool3d, max_unpool3d> {
 public:
  using Unpooling::Unpooling;
  ModulePtr clone() const override { return copy(); }
};

}  // namespace tasuki::nn
