#pragma once
#include "tasuki/core/error.hpp"
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

/// Splits a dimension into several: `Unflatten{1, {3, 32, 32}}` makes images of rows of numbers.
class Unflatten : public Module {
 public:
  Unflatten(int dim, const Shape& sizes) : dim_(dim), sizes_(sizes) {}
  Unflatten(Module* parent, std::string_view name, int dim, const Shape& sizes) : Module(parent, name), dim_(dim), sizes_(sizes) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(unflatten(s.enter(x), dim_, sizes_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, dim_, sizes_); }

 private:
  int dim_;
  Shape sizes_;
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

namespace detail {

/// Padding of the last `dims` dimensions, by one amount on all sides or by (front, back) of the last, of the one before it, ...
template <int dims, PadMode mode>
class SpatialPad : public Module {
 public:
  explicit SpatialPad(const Dims& amounts, double value = 0) : amounts_(on_all_sides(amounts)), value_(value) {}
  SpatialPad(Module* parent, std::string_view name, const Dims& amounts, double value = 0) : Module(parent, name), amounts_(on_all_sides(amounts)), value_(value) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(pad(s.enter(x), amounts_, {.mode = mode, .value = value_}, at));
  }
  const Dims& amounts() const { return amounts_; }
  double value() const { return value_; }

 private:
  static Dims on_all_sides(const Dims& amounts) {
    TASUKI_CHECK(ValueError, amounts.ndim() == 1 || amounts.ndim() == 2 * dims, "a padding of ", dims, " dimensions takes 1 or ", 2 * dims, " amounts, not ", amounts.ndim());
    return amounts.ndim() == 1 ? Dims::filled(2 * dims, amounts[0]) : amounts;
  }
  Dims amounts_;
  double value_;
};

/// A function of a number of channels or pixels.
template <class Layer, Tensor (*function)(const Tensor&, std::int64_t, SourceLocation)>
class WithFactor : public Module {
 public:
  explicit WithFactor(std::int64_t factor) : factor_(factor) { check(); }
  WithFactor(Module* parent, std::string_view name, std::int64_t factor) : Module(parent, name), factor_(factor) { check(); }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(function(s.enter(x), factor_, at));
  }

 protected:
  /// For the clone() of the layer, which must be its own.
  ModulePtr copy() const { return clone_as(static_cast<const Layer&>(*this), factor_); }

 private:
  void check() const {
    if (factor_ < 1) TASUKI_THROW(ValueError, Layer::name, " was asked for ", factor_, "; it takes whole numbers of at least 1");
  }
  std::int64_t factor_;
};

}  // namespace detail

/// The modes of Pad by PyTorch's names: `ReflectionPad2d{1}`, `ConstantPad1d{{2, 0}, 7}`.
#define TASUKI_PAD_MODULE(Name, dims, mode)                                            \
  class Name : public detail::SpatialPad<dims, PadMode::mode> {                        \
   public:                                                                             \
    using SpatialPad::SpatialPad;                                                      \
    ModulePtr clone() const override { return clone_as(*this, amounts(), value()); }   \
  };
TASUKI_PAD_MODULE(ConstantPad1d, 1, constant)
TASUKI_PAD_MODULE(ConstantPad2d, 2, constant)
TASUKI_PAD_MODULE(ConstantPad3d, 3, constant)
TASUKI_PAD_MODULE(ZeroPad1d, 1, constant)
TASUKI_PAD_MODULE(ZeroPad2d, 2, constant)
TASUKI_PAD_MODULE(ZeroPad3d, 3, constant)
TASUKI_PAD_MODULE(ReflectionPad1d, 1, reflect)
TASUKI_PAD_MODULE(ReflectionPad2d, 2, reflect)
TASUKI_PAD_MODULE(ReflectionPad3d, 3, reflect)
TASUKI_PAD_MODULE(ReplicationPad1d, 1, replicate)
TASUKI_PAD_MODULE(ReplicationPad2d, 2, replicate)
TASUKI_PAD_MODULE(ReplicationPad3d, 3, replicate)
TASUKI_PAD_MODULE(CircularPad1d, 1, circular)
TASUKI_PAD_MODULE(CircularPad2d, 2, circular)
TASUKI_PAD_MODULE(CircularPad3d, 3, circular)
#undef TASUKI_PAD_MODULE

/// Channels become pixels of an image `upscale` times as high and wide.
class PixelShuffle : public detail::WithFactor<PixelShuffle, pixel_shuffle> {
 public:
  static constexpr const char* name = "PixelShuffle";
  using WithFactor::WithFactor;
  ModulePtr clone() const override { return copy(); }
};
/// The way back: blocks of `downscale` x `downscale` pixels become channels.
class PixelUnshuffle : public detail::WithFactor<PixelUnshuffle, pixel_unshuffle> {
 public:
  static constexpr const char* name = "PixelUnshuffle";
  using WithFactor::WithFactor;
  ModulePtr clone() const override { return copy(); }
};
/// Takes the channels of `groups` groups by turns.
class ChannelShuffle : public detail::WithFactor<ChannelShuffle, channel_shuffle> {
 public:
  static constexpr const char* name = "ChannelShuffle";
  using WithFactor::WithFactor;
  ModulePtr clone() const override { return copy(); }
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
