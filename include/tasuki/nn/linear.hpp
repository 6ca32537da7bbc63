#pragma once
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/products.hpp"

namespace tasuki::nn {

struct LinearOptions {
  bool bias = true;
  DType dtype = DType::f32;
};

/// y = x weight^T + bias for x [..., in]; weight [out, in], bias [out]. Both start uniform in +-1 / sqrt(in).
///
///     ts::nn::Linear fc{this, "fc", 784, 10};     // a member
///     ts::nn::Linear fc{784, 10, {.bias = false}};  // on its own, or for a Sequential
class Linear : public Module {
 public:
  Parameter weight{this, "weight"}, bias{this, "bias"};

  Linear(std::int64_t in, std::int64_t out, const LinearOptions& options = {}) { create(in, out, options); }
  Linear(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, const LinearOptions& options = {}) : Module(parent, name) {
    create(in, out, options);
  }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(linear(s.enter(x), weight, bias, at));
  }
  ModulePtr clone() const override {
    return clone_as(*this, weight.size(1), weight.size(0), LinearOptions{.bias = bias.defined(), .dtype = weight.dtype()});
  }

 private:
  void create(std::int64_t in, std::int64_t out, const LinearOptions& options) {
    TASUKI_CHECK(ValueError, in >= 0 && out >= 0, "Linear was asked for ", in, " inputs and ", out, " outputs");
    weight = empty({out, in}, {.dtype = options.dtype});
    if (options.bias) bias = empty({out}, {.dtype = options.dtype});
    init::linear_default_(weight, bias);
  }
};

/// y_k = a^T W_k b + bias_k for a [..., in1] and b [..., in2]; weight [out, in1, in2], bias [out]. Both start uniform in +-1 / sqrt(in1).
class Bilinear : public Module {
 public:
  Parameter weight{this, "weight"}, bias{this, "bias"};

  Bilinear(std::int64_t in1, std::int64_t in2, std::int64_t out, const LinearOptions& options = {}) { create(in1, in2, out, options); }
  Bilinear(Module* parent, std::string_view name, std::int64_t in1, std::int64_t in2, std::int64_t out, const LinearOptions& options = {}) : Module(parent, name) {
    create(in1, in2, out, options);
  }
  Tensor operator()(const Tensor& a, const Tensor& b, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(bilinear(s.enter(a), b, weight, bias, at));
  }
  ModulePtr clone() const override {
    return clone_as(*this, weight.size(1), weight.size(2), weight.size(0), LinearOptions{.bias = bias.defined(), .dtype = weight.dtype()});
  }

 private:
  void create(std::int64_t in1, std::int64_t in2, std::int64_t out, const LinearOptions& options) {
    TASUKI_CHECK(ValueError, in1 >= 1 && in2 >= 1 && out >= 1, "Bilinear was asked for ", in1, " and ", in2, " inputs and ", out, " outputs");
    const double bound = 1 / __builtin_sqrt(static_cast<double>(in1));
    weight = empty({out, in1, in2}, {.dtype = options.dtype});
    init::uniform_(weight, -bound, bound);
    if (!options.bias) return;
    bias = empty({out}, {.dtype = options.dtype});
    init::uniform_(bias, -bound, bound);
  }
};

}  // namespace tasuki::nn
