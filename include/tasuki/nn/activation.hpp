#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/ops/unary.hpp"

/// Elementwise functions and softmax as modules, for a Sequential; in a forward of one's own the functions themselves are shorter
/// (ts::relu(x)). Formulas stand with the functions.
namespace tasuki::nn {

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
