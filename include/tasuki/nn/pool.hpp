#pragma once
#include "tasuki/core/error.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/pool_indices.hpp"

namespace tasuki::nn {

namespace detail {

/// Each number, be it for one dimension or for all, is at least 1.
inline void check_sizes(const char* layer, const char* what, const SpatialInts& sizes) {
  for (int d = 0; d < sizes.count(); ++d)
    if (sizes[d] < 1) TASUKI_THROW(ValueError, layer, " was asked for ", what, " of ", sizes.to_string(), "\nit takes whole numbers of at least 1");
}

/// What the poolings over windows are made of: a kernel and options.
template <class Layer, class Options>
class Pooling : public Module {
 public:
  const SpatialInts& kernel() const { return kernel_; }
  const Options& options() const { return options_; }

 protected:
  Pooling(const SpatialInts& kernel, const Options& options) : kernel_(kernel), options_(options) { check_sizes(Layer::name, "a kernel", kernel); }
  Pooling(Module* parent, std::string_view name, const SpatialInts& kernel, const Options& options)
      : Module(parent, name), kernel_(kernel), options_(options) {
    check_sizes(Layer::name, "a kernel", kernel);
  }

 private:
  SpatialInts kernel_;
  Options options_;
};

/// Poolings of one result over windows.
template <class Layer, class Options, Tensor (*pool)(const Tensor&, SpatialInts, const Options&, SourceLocation)>
class WindowPooling : public Pooling<Layer, Options> {
 public:
  explicit WindowPooling(const SpatialInts& kernel, const Options& options = {}) : Pooling<Layer, Options>(kernel, options) {}
  WindowPooling(Module* parent, std::string_view name, const SpatialInts& kernel, const Options& options = {}) : Pooling<Layer, Options>(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(pool(s.enter(x), this->kernel(), this->options(), at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return Module::clone_as(static_cast<const Layer&>(*this), this->kernel(), this->options()); }
};

/// Poolings to a grid of a given size.
template <class Layer, Tensor (*pool)(const Tensor&, SpatialInts, SourceLocation)>
class AdaptivePooling : public Module {
 public:
  explicit AdaptivePooling(const SpatialInts& output) : output_(output) { check_sizes(Layer::name, "an output", output); }
  AdaptivePooling(Module* parent, std::string_view name, const SpatialInts& output) : Module(parent, name), output_(output) {
    check_sizes(Layer::name, "an output", output);
  }
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

/// Poolings over windows that are drawn anew in each call.
template <class Layer, Tensor (*pool)(const Tensor&, SpatialInts, const FractionalMaxPoolOptions&, Generator*, SourceLocation)>
class FractionalPooling : public Pooling<Layer, FractionalMaxPoolOptions> {
 public:
  FractionalPooling(const SpatialInts& kernel, const FractionalMaxPoolOptions& options) : Pooling<Layer, FractionalMaxPoolOptions>(kernel, options) {}
  FractionalPooling(Module* parent, std::string_view name, const SpatialInts& kernel, const FractionalMaxPoolOptions& options)
      : Pooling<Layer, FractionalMaxPoolOptions>(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(pool(s.enter(x), this->kernel(), this->options(), nullptr, at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return Module::clone_as(static_cast<const Layer&>(*this), this->kernel(), this->options()); }
};

/// Poolings that raise to a power.
template <class Layer, Tensor (*pool)(const Tensor&, double, SpatialInts, const LpPoolOptions&, SourceLocation)>
class PowerPooling : public Pooling<Layer, LpPoolOptions> {
 public:
  PowerPooling(double p, const SpatialInts& kernel, const LpPoolOptions& options = {}) : Pooling<Layer, LpPoolOptions>(kernel, options), p_(p) {}
  PowerPooling(Module* parent, std::string_view name, double p, const SpatialInts& kernel, const LpPoolOptions& options = {})
      : Pooling<Layer, LpPoolOptions>(parent, name, kernel, options), p_(p) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(pool(s.enter(x), p_, this->kernel(), this->options(), at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return Module::clone_as(static_cast<const Layer&>(*this), p_, this->kernel(), this->options()); }

 private:
  double p_;
};

/// The way back from a pooling with indices.
template <class Layer, Tensor (*unpool)(const Tensor&, const Tensor&, SpatialInts, const MaxUnpoolOptions&, SourceLocation)>
class Unpooling : public Pooling<Layer, MaxUnpoolOptions> {
 public:
  explicit Unpooling(const SpatialInts& kernel, const MaxUnpoolOptions& options = {}) : Pooling<Layer, MaxUnpoolOptions>(kernel, options) {}
  Unpooling(Module* parent, std::string_view name, const SpatialInts& kernel, const MaxUnpoolOptions& options = {}) : Pooling<Layer, MaxUnpoolOptions>(parent, name, kernel, options) {}
  Tensor operator()(const Tensor& x, const Tensor& indices, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(unpool(s.enter(x), indices, this->kernel(), this->options(), at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return Module::clone_as(static_cast<const Layer&>(*this), this->kernel(), this->options()); }
};

}  // namespace detail

#define TASUKI_POOL(Name, Base, ...)                       \
  class Name : public detail::Base<Name, __VA_ARGS__> {    \
   public:                                                 \
    static constexpr const char* name = #Name;             \
    using Base::Base;                                      \
    ModulePtr clone() const override { return copy(); }    \
  };
/// Largest value of each window of signals, images or volumes; windows lie side by side unless the options give a stride. Shapes as
/// ts::max_pool1d to 3d.
TASUKI_POOL(MaxPool1d, WindowPooling, MaxPoolOptions, max_pool1d)
TASUKI_POOL(MaxPool2d, WindowPooling, MaxPoolOptions, max_pool2d)
TASUKI_POOL(MaxPool3d, WindowPooling, MaxPoolOptions, max_pool3d)
/// Mean of each window; shapes as ts::avg_pool1d to 3d.
TASUKI_POOL(AvgPool1d, WindowPooling, AvgPoolOptions, avg_pool1d)
TASUKI_POOL(AvgPool2d, WindowPooling, AvgPoolOptions, avg_pool2d)
TASUKI_POOL(AvgPool3d, WindowPooling, AvgPoolOptions, avg_pool3d)
/// Means over windows that cover a signal, an image or a volume in a grid of the given size, whatever its own; 1 is the global average.
TASUKI_POOL(AdaptiveAvgPool1d, AdaptivePooling, adaptive_avg_pool1d)
TASUKI_POOL(AdaptiveAvgPool2d, AdaptivePooling, adaptive_avg_pool2d)
TASUKI_POOL(AdaptiveAvgPool3d, AdaptivePooling, adaptive_avg_pool3d)
/// Largest values over such windows.
TASUKI_POOL(AdaptiveMaxPool1d, AdaptivePooling, adaptive_max_pool1d)
TASUKI_POOL(AdaptiveMaxPool2d, AdaptivePooling, adaptive_max_pool2d)
TASUKI_POOL(AdaptiveMaxPool3d, AdaptivePooling, adaptive_max_pool3d)
/// (sum x^p)^(1/p) of each window: LPPool2d{2, 3} is the Euclidean length of 3 x 3 pixels. Shapes as ts::lp_pool1d to 3d.
TASUKI_POOL(LPPool1d, PowerPooling, lp_pool1d)
TASUKI_POOL(LPPool2d, PowerPooling, lp_pool2d)
TASUKI_POOL(LPPool3d, PowerPooling, lp_pool3d)
/// Largest values of windows at random distances: FractionalMaxPool2d{2, {.ratio = 0.7}}. As ts::fractional_max_pool2d and 3d.
TASUKI_POOL(FractionalMaxPool2d, FractionalPooling, fractional_max_pool2d)
TASUKI_POOL(FractionalMaxPool3d, FractionalPooling, fractional_max_pool3d)
/// The values of a pooling at their indices, in zeros: unpool(values, indices). Shapes as ts::max_unpool1d to 3d.
TASUKI_POOL(MaxUnpool1d, Unpooling, max_unpool1d)
TASUKI_POOL(MaxUnpool2d, Unpooling, max_unpool2d)
TASUKI_POOL(MaxUnpool3d, Unpooling, max_unpool3d)
#undef TASUKI_POOL

}  // namespace tasuki::nn
