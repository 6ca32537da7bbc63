#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/interpolate.hpp"

namespace tasuki::nn {

/// Images on a larger (or smaller) grid: `ts::nn::Upsample up{{.scale = 2, .mode = ts::Interpolation::bilinear}};`. As ts::interpolate.
class Upsample : public Module {
 public:
  explicit Upsample(const InterpolateOptions& options) : options_(options) {}
  Upsample(Module* parent, std::string_view name, const InterpolateOptions& options) : Module(parent, name), options_(options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(interpolate(s.enter(x), options_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, options_); }

 private:
  InterpolateOptions options_;
};

}  // namespace tasuki::nn
