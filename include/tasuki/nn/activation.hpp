#pragma once
#include "tasuki/core/error.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/activation.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/tensor/creation.hpp"

/// Elementwise functions and softmax as modules, for a Sequential; in a forward of one's own the functions themselves are shorter
/// (ts::relu(x)). Formulas stand with the functions.
namespace tasuki::nn {

namespace detail {

/// A function without numbers as a layer.
template <class Layer, Tensor (*function)(const Tensor&, SourceLocation)>
class Elementwise : public Module {
 public:
  using Module::Module;
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(function(s.enter(x), at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return clone_as(static_cast<const Layer&>(*this)); }
};

/// A function of one number, Layer::standard unless the caller names another.
template <class Layer, Tensor (*function)(const Tensor&, double, SourceLocation)>
class WithNumber : public Module {
 public:
  explicit WithNumber(double number = Layer::standard) : number_(number) {}
  WithNumber(Module* parent, std::string_view name, double number = Layer::standard) : Module(parent, name), number_(number) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(function(s.enter(x), number_, at));
  }

 protected:
  ModulePtr copy() const { return clone_as(static_cast<const Layer&>(*this), number_); }

 private:
  double number_;
};

/// A function along a dimension.
template <class Layer, Tensor (*function)(const Tensor&, int, SourceLocation)>
class AlongDim : public Module {
 public:
  explicit AlongDim(int dim) : dim_(dim) {}
  AlongDim(Module* parent, std::string_view name, int dim) : Module(parent, name), dim_(dim) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(function(s.enter(x), dim_, at));
  }

 protected:
  ModulePtr copy() const { return clone_as(static_cast<const Layer&>(*this), dim_); }

 private:
  int dim_;
};

}  // namespace detail

#define TASUKI_ACTIVATION(Name, function)                            \
  class Name : public detail::Elementwise<Name, function> {          \
   public:                                                           \
    using Elementwise::Elementwise;                                  \
    ModulePtr clone() const override { return copy(); }              \
  };
TASUKI_ACTIVATION(ReLU, relu)
TASUKI_ACTIVATION(GELU, gelu)
TASUKI_ACTIVATION(SiLU, silu)
TASUKI_ACTIVATION(Sigmoid, sigmoid)
TASUKI_ACTIVATION(Tanh, tanh)
TASUKI_ACTIVATION(ReLU6, relu6)
TASUKI_ACTIVATION(SELU, selu)
TASUKI_ACTIVATION(Mish, mish)
TASUKI_ACTIVATION(Hardswish, hardswish)
TASUKI_ACTIVATION(Hardsigmoid, hardsigmoid)
TASUKI_ACTIVATION(LogSigmoid, logsigmoid)
TASUKI_ACTIVATION(Tanhshrink, tanhshrink)
TASUKI_ACTIVATION(Softsign, softsign)
#undef TASUKI_ACTIVATION

#define TASUKI_ACTIVATION(Name, function, number)                    \
  class Name : public detail::WithNumber<Name, function> {           \
   public:                                                           \
    static constexpr double standard = number;                       \
    using WithNumber::WithNumber;                                    \
    ModulePtr clone() const override { return copy(); }              \
  };
TASUKI_ACTIVATION(LeakyReLU, leaky_relu, 0.01)
TASUKI_ACTIVATION(ELU, elu, 1)
TASUKI_ACTIVATION(CELU, celu, 1)
TASUKI_ACTIVATION(Softshrink, softshrink, 0.5)
TASUKI_ACTIVATION(Hardshrink, hardshrink, 0.5)
#undef TASUKI_ACTIVATION

#define TASUKI_ACTIVATION(Name, function)                            \
  class Name : public detail::AlongDim<Name, function> {             \
   public:                                                           \
    using AlongDim::AlongDim;                                        \
    ModulePtr clone() const override { return copy(); }              \
  };
TASUKI_ACTIVATION(Softmax, softmax)
TASUKI_ACTIVATION(LogSoftmax, log_softmax)
TASUKI_ACTIVATION(Softmin, softmin)
#undef TASUKI_ACTIVATION

/// a sigmoid(b) of the halves along `dim`.
class GLU : public detail::AlongDim<GLU, glu> {
 public:
  explicit GLU(int dim = -1) : AlongDim(dim) {}
  GLU(Module* parent, std::string_view name, int dim = -1) : AlongDim(parent, name, dim) {}
  ModulePtr clone() const override { return copy(); }
};

/// x where x > threshold, else value.
class Threshold : public Module {
 public:
  Threshold(double threshold, double value) : threshold_(threshold), value_(value) {}
  Threshold(Module* parent, std::string_view name, double threshold, double value) : Module(parent, name), threshold_(threshold), value_(value) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(threshold(s.enter(x), threshold_, value_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, threshold_, value_); }

 private:
  double threshold_, value_;
};

class Softplus : public Module {
 public:
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) { check(); }
  Softplus(Module* parent, std::string_view name, double beta = 1, double threshold = 20)
      : Module(parent, name), beta_(beta), threshold_(threshold) {
    check();
  }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(softplus(s.enter(x), beta_, threshold_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, beta_, threshold_); }

 private:
  void check() const {
    if (!(beta_ > 0)) TASUKI_THROW(ValueError, "Softplus was asked for a beta of ", beta_, "; it divides by it, and takes one above 0");
  }
  double beta_, threshold_;
};

class Hardtanh : public Module {
 public:
  explicit Hardtanh(double lowest = -1, double highest = 1) : lowest_(lowest), highest_(highest) { check(); }
  Hardtanh(Module* parent, std::string_view name, double lowest = -1, double highest = 1) : Module(parent, name), lowest_(lowest), highest_(highest) { check(); }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(hardtanh(s.enter(x), lowest_, highest_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, lowest_, highest_); }

 private:
  void check() const {
    if (!(lowest_ <= highest_)) TASUKI_THROW(ValueError, "Hardtanh was asked for values from ", lowest_, " to ", highest_, "; give it the lower bound first");
  }
  double lowest_, highest_;
};

/// x where x > 0, else a slope times x: drawn for each element in training, the mean of the bounds in evaluation.
class RReLU : public Module {
 public:
  explicit RReLU(const RreluOptions& options = {}) : options_(options) { check(); }
  RReLU(Module* parent, std::string_view name, const RreluOptions& options = {}) : Module(parent, name), options_(options) { check(); }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(rrelu(s.enter(x), options_, is_training(), nullptr, at));
  }
  ModulePtr clone() const override { return clone_as(*this, options_); }

 private:
  void check() const {
    if (!(options_.lower <= options_.upper)) TASUKI_THROW(ValueError, "RReLU was asked for slopes from ", options_.lower, " to ", options_.upper, "; give it the lower bound first");
  }
  RreluOptions options_;
};

/// x where x > 0, else a learned slope times x: one for all, or one for each of `channels`.
class PReLU : public Module {
 public:
  Parameter weight{this, "weight"};
  explicit PReLU(std::int64_t channels = 1, double first = 0.25) { create(channels, first); }
  PReLU(Module* parent, std::string_view name, std::int64_t channels = 1, double first = 0.25) : Module(parent, name) { create(channels, first); }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(prelu(s.enter(x), weight, at));
  }
  ModulePtr clone() const override { return clone_as(*this, weight.size(0)); }

 private:
  void create(std::int64_t channels, double first) {
    if (channels < 1) TASUKI_THROW(ValueError, "PReLU was asked for ", channels, " slopes; it takes 1 for all channels, or one for each");
    weight = full({channels}, first);
  }
};

}  // namespace tasuki::nn
