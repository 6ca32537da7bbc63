#pragma once
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/fold.hpp"
#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki::nn {

/// Joins the dimensions from..to into one: by default all but the batch's.
class Flatten : public Module {
 public:
  explicit Flatten(int from = 1, int to = -1) : from_(from), to_(to) {}
  Flatten(Module* parent, std::string_view name, int from = 1, int to = -1) : Module(parent, name), from_(from), to_(to) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(flatten(s.enter(x), from_, to_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, from_, to_); }

 private:
  int from_, to_;
};

/// pad as a module: `Pad{{1, 1, 1, 1}, {.mode = ts::PadMode::reflect}}` mirrors images at their borders.
class Pad : public Module {
 public:
  explicit Pad(const Dims& amounts, const PadOptions& options = {}) : amounts_(amounts), options_(options) {}
  Pad(Module* parent, std::string_view name, const Dims& amounts, const PadOptions& options = {})
      : Module(parent, name), amounts_(amounts), options_(options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(pad(s.enter(x), amounts_, options_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, amounts_, options_); }

 private:
  Dims amounts_;
  PadOptions options_;
};

/// Channels become pixels of an image `upscale` times as high and wide.
class PixelShuffle : public Module {
 public:
  explicit PixelShuffle(std::int64_t upscale) : upscale_(upscale) {}
  PixelShuffle(Module* parent, std::string_view name, std::int64_t upscale) : Module(parent, name), upscale_(upscale) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(pixel_shuffle(s.enter(x), upscale_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, upscale_); }

 private:
  std::int64_t upscale_;
};

/// unfold and fold of images as modules.
class Unfold : public Module {
 public:
  explicit Unfold(const SpatialInts& kernel, const FoldOptions& options = {}) : kernel_(kernel), options_(options) {}
  Unfold(Module* parent, std::string_view name, const SpatialInts& kernel, const FoldOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(unfold(s.enter(x), kernel_, options_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, kernel_, options_); }

 private:
  SpatialInts kernel_;
  FoldOptions options_;
};
class Fold : public Module {
 public:
  Fold(const SpatialInts& output, const SpatialInts& kernel, const FoldOptions& options = {}) : output_(output), kernel_(kernel), options_(options) {}
  Fold(Module* parent, std::string_view name, const SpatialInts& output, const SpatialInts& kernel, const FoldOptions& options = {})
      : Module(parent, name), output_(output), kernel_(kernel), options_(options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(fold(s.enter(x), output_, kernel_, options_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, output_, kernel_, options_); }

 private:
  SpatialInts output_, kernel_;
  FoldOptions options_;
};

/// x itself: takes the place of a layer that is not there.
class Identity : public Module {
 public:
  using Module::Module;
  Tensor operator()(const Tensor& x, SourceLocation = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(s.enter(x));
  }
  ModulePtr clone() const override { return clone_as(*this); }
};

}  // namespace tasuki::nn
