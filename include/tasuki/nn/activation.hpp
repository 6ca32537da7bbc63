#pragma once
#include "tasuki/nn/module.hpp"
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

}  // namespace detail

class ReLU : public Module {
 public:
  using Module::Module;
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(relu(s.enter(x), at));
  }
  ModulePtr clone() const override { return clone_as(*this); }
};

class LeakyReLU : public Module {
 public:
  explicit LeakyReLU(double slope = 0.01) : slope_(slope) {}
  LeakyReLU(Module* parent, std::string_view name, double slope = 0.01) : Module(parent, name), slope_(slope) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(leaky_relu(s.enter(x), slope_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, slope_); }

 private:
  double slope_;
};

class ELU : public Module {
 public:
  explicit ELU(double alpha = 1) : alpha_(alpha) {}
  ELU(Module* parent, std::string_view name, double alpha = 1) : Module(parent, name), alpha_(alpha) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(elu(s.enter(x), alpha_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, alpha_); }

 private:
  double alpha_;
};

class GELU : public Module {
 public:
  using Module::Module;
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(gelu(s.enter(x), at));
  }
  ModulePtr clone() const override { return clone_as(*this); }
};

class SiLU : public Module {
 public:
  using Module::Module;
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(silu(s.enter(x), at));
  }
  ModulePtr clone() const override { return clone_as(*this); }
};

class Sigmoid : public Module {
 public:
  using Module::Module;
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(sigmoid(s.enter(x), at));
  }
  ModulePtr clone() const override { return clone_as(*this); }
};

class Tanh : public Module {
 public:
  using Module::Module;
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(tanh(s.enter(x), at));
  }
  ModulePtr clone() const override { return clone_as(*this); }
};

class Softplus : public Module {
 public:
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) {}
  Softplus(Module* parent, std::string_view name, double beta = 1, double threshold = 20)
      : Module(parent, name), beta_(beta), threshold_(threshold) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(softplus(s.enter(x), beta_, threshold_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, beta_, threshold_); }

 private:
  double beta_, threshold_;
};

class ReLU6 : public detail::Elementwise<ReLU6, relu6> {
 public:
  using Elementwise::Elementwise;
  ModulePtr clone() const override { return copy(); }
};
class SELU : public detail::Elementwise<SELU, selu> {
 public:
  using Elementwise::Elementwise;
  ModulePtr clone() const override { return copy(); }
};
class Mish : public detail::Elementwise<Mish, mish> {
 public:
  using Elementwise::Elementwise;
  ModulePtr clone() const override { return copy(); }
};
class Hardswish : public detail::Elementwise<Hardswish, hardswish> {
 public:
  using Elementwise::Elementwise;
  ModulePtr clone() const override { return copy(); }
};
class Hardsigmoid : public detail::Elementwise<Hardsigmoid, hardsigmoid> {
 public:
  using Elementwise::Elementwise;
  ModulePtr clone() const override { return copy(); }
};
class LogSigmoid : public detail::Elementwise<LogSigmoid, logsigmoid> {
 public:
  using Elementwise::Elementwise;
  ModulePtr clone() const override { return copy(); }
};
class Tanhshrink : public detail::Elementwise<Tanhshrink, tanhshrink> {
 public:
  using Elementwise::Elementwise;
  ModulePtr clone() const override { return copy(); }
};

class CELU : public Module {
 public:
  explicit CELU(double alpha = 1) : alpha_(alpha) {}
  CELU(Module* parent, std::string_view name, double alpha = 1) : Module(parent, name), alpha_(alpha) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(celu(s.enter(x), alpha_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, alpha_); }

 private:
  double alpha_;
};

class Softshrink : public Module {
 public:
  explicit Softshrink(double lambda = 0.5) : lambda_(lambda) {}
  Softshrink(Module* parent, std::string_view name, double lambda = 0.5) : Module(parent, name), lambda_(lambda) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(softshrink(s.enter(x), lambda_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, lambda_); }

 private:
  double lambda_;
};

class Hardtanh : public Module {
 public:
  explicit Hardtanh(double lowest = -1, double highest = 1) : lowest_(lowest), highest_(highest) {}
  Hardtanh(Module* parent, std::string_view name, double lowest = -1, double highest = 1) : Module(parent, name), lowest_(lowest), highest_(highest) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(hardtanh(s.enter(x), lowest_, highest_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, lowest_, highest_); }

 private:
  double lowest_, highest_;
};

/// x where x > 0, else a learned slope times x: one for all, or one for each of `channels`.
class PReLU : public Module {
 public:
  Parameter weight{this, "weight"};
  explicit PReLU(std::int64_t channels = 1, double first = 0.25) { weight = full({channels}, first); }
  PReLU(Module* parent, std::string_view name, std::int64_t channels = 1, double first = 0.25) : Module(parent, name) { weight = full({channels}, first); }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(prelu(s.enter(x), weight, at));
  }
  ModulePtr clone() const override { return clone_as(*this, weight.size(0)); }
};

class Softmax : public Module {
 public:
  explicit Softmax(int dim) : dim_(dim) {}
  Softmax(Module* parent, std::string_view name, int dim) : Module(parent, name), dim_(dim) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(softmax(s.enter(x), dim_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, dim_); }

 private:
  int dim_;
};

class LogSoftmax : public Module {
 public:
  explicit LogSoftmax(int dim) : dim_(dim) {}
  LogSoftmax(Module* parent, std::string_view name, int dim) : Module(parent, name), dim_(dim) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(log_softmax(s.enter(x), dim_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, dim_); }

 private:
  int dim_;
};

}  // namespace tasuki::nn
