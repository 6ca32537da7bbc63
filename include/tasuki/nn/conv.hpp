#pragma once
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/conv2d.hpp"

namespace tasuki::nn {

struct Conv2dOptions {
  IntPair kernel = 3;
  IntPair stride = 1;
  IntPair padding = 0;   ///< zeros added on both sides
  IntPair dilation = 1;
  std::int64_t groups = 1;  ///< input and output channels are split into this many independent convolutions
  bool bias = true;
  DType dtype = DType::f32;
};

/// Cross-correlation of images x [N, in, H, W] with weight [out, in / groups, kh, kw], plus bias [out]; shapes as ts::conv2d.
/// Weight and bias start uniform in +-1 / sqrt(in / groups kh kw).
///
///     ts::nn::Conv2d conv{this, "conv", 3, 64, {.kernel = 7, .stride = 2, .padding = 3}};
class Conv2d : public Module {
 public:
  Parameter weight{this, "weight"}, bias{this, "bias"};

  Conv2d(std::int64_t in, std::int64_t out, const Conv2dOptions& options = {}) : options_(options) { create(in, out); }
  Conv2d(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, const Conv2dOptions& options = {})
      : Module(parent, name), options_(options) {
    create(in, out);
  }
  const Conv2dOptions& options() const { return options_; }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const tasuki::Conv2dOptions how{.stride = options_.stride, .padding = options_.padding, .dilation = options_.dilation, .groups = options_.groups};
    return s.leave(conv2d(s.enter(x), weight, bias, how, at));
  }
  ModulePtr clone() const override {
    Conv2dOptions options = options_;
    options.dtype = weight.dtype();
    return clone_as(*this, weight.size(1) * options.groups, weight.size(0), options);
  }

 private:
  void create(std::int64_t in, std::int64_t out) {
    const std::int64_t groups = options_.groups;
    TASUKI_CHECK(ValueError, groups >= 1 && in >= 1 && out >= 1 && in % groups == 0 && out % groups == 0,
                 "Conv2d was asked for ", in, " input and ", out, " output channels in ", groups, " groups, which must divide both");
    TASUKI_CHECK(ValueError, options_.kernel.h >= 1 && options_.kernel.w >= 1, "Conv2d was asked for a kernel of ", options_.kernel.to_string());
    weight = empty({out, in / groups, options_.kernel.h, options_.kernel.w}, {.dtype = options_.dtype});
    if (options_.bias) bias = empty({out}, {.dtype = options_.dtype});
    init::linear_default_(weight, bias);
  }
  Conv2dOptions options_;
};

}  // namespace tasuki::nn
