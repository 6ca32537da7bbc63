#pragma once
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/linear.hpp"

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

}  // namespace tasuki::nn
