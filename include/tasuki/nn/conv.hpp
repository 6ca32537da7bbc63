#pragma once
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/conv.hpp"
#include "tasuki/ops/pad.hpp"

namespace tasuki::nn {

struct ConvOptions {
  SpatialInts kernel = 3;
  SpatialInts stride = 1;
  SpatialInts padding = 0;  ///< zeros added on both sides, or ts::same_padding
  SpatialInts dilation = 1;
  std::int64_t groups = 1;  ///< input and output channels are split into this many independent convolutions
  bool bias = true;
  DType dtype = DType::f32;
  PadMode padding_mode = PadMode::constant;  ///< constant: zeros; the others pad with what ts::pad makes of the input
};

struct ConvTransposeOptions {
  SpatialInts kernel = 3;
  SpatialInts stride = 1;
  SpatialInts padding = 0;         ///< taken off both sides of the result
  SpatialInts output_padding = 0;  ///< added to the end of the result
  SpatialInts dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  DType dtype = DType::f32;
};

namespace detail {

/// What convolutions and transposed ones share: weight [first, second, kernel...], bias [out] and their first values, uniform in
/// +-1 / sqrt(second kernel...), as in PyTorch.
class ConvBase : public Module {
 public:
  Parameter weight{this, "weight"}, bias{this, "bias"};

 protected:
  ConvBase() = default;
  ConvBase(Module* parent, std::string_view name) : Module(parent, name) {}
  template <class Options>
  void create(int dims, std::int64_t in, std::int64_t out, const Options& options, bool transposed) {
    const std::int64_t groups = options.groups;
    const std::string name = (transposed ? "ConvTranspose" : "Conv") + std::to_string(dims) + "d";
    TASUKI_CHECK(ValueError, groups >= 1 && in >= 1 && out >= 1 && in % groups == 0 && out % groups == 0, name, " was asked for ", in,
                 " input and ", out, " output channels in ", groups, " groups, which must divide both");
    Shape shape = transposed ? Shape{in, out / groups} : Shape{out, in / groups};
    const SpatialInts& kernel = options.kernel;
    bool fits = kernel.count() == 1 || kernel.count() == dims;
    for (int d = 0; fits && d < dims; ++d) {
      shape.push_back(kernel[d]);
      fits = kernel[d] >= 1;
    }
    if (!fits) TASUKI_THROW(ValueError, name, " was asked for a kernel of ", kernel.to_string(), "\nit takes one number, or one for each of its dimensions, of at least 1");
    weight = empty(shape, {.dtype = options.dtype});
    if (options.bias) bias = empty({out}, {.dtype = options.dtype});
    init::linear_default_(weight, bias);
  }
};

class ConvForward : public ConvBase {
 public:
  const ConvOptions& options() const { return options_; }

 protected:
  ConvForward(int dims, std::int64_t in, std::int64_t out, const ConvOptions& options) : options_(options) { create(dims, in, out, options, false); }
  ConvForward(Module* parent, std::string_view name, int dims, std::int64_t in, std::int64_t out, const ConvOptions& options)
      : ConvBase(parent, name), options_(options) {
    create(dims, in, out, options, false);
  }
  /// What the convolution itself pads, and with zeros, padded() leaves alone.
  tasuki::ConvOptions how() const {
    return {.stride = options_.stride, .padding = pads_zeros() ? options_.padding : 0, .dilation = options_.dilation, .groups = options_.groups};
  }
  Tensor padded(const Tensor& x, SourceLocation at) const {
    if (pads_zeros()) return x;
    const bool same = options_.padding == same_padding;
    Dims amounts;
    for (int d = weight.ndim() - 3; d >= 0; --d) {
      const std::int64_t both = same ? options_.dilation[d] * (options_.kernel[d] - 1) : 2 * options_.padding[d];
      amounts.push_back(both / 2);
      amounts.push_back(both - both / 2);
    }
    return pad(x, amounts, {.mode = options_.padding_mode}, at);
  }
  template <class Layer>
  static ModulePtr copy_of(const Layer& layer) {
    ConvOptions options = layer.options();
    options.dtype = layer.weight.dtype();
    return clone_as(layer, layer.weight.size(1) * options.groups, layer.weight.size(0), options);
  }

 private:
  bool pads_zeros() const { return options_.padding_mode == PadMode::constant; }
  ConvOptions options_;
};

class ConvTransposed : public ConvBase {
 public:
  const ConvTransposeOptions& options() const { return options_; }

 protected:
  ConvTransposed(int dims, std::int64_t in, std::int64_t out, const ConvTransposeOptions& options) : options_(options) {
    create(dims, in, out, options, true);
  }
  ConvTransposed(Module* parent, std::string_view name, int dims, std::int64_t in, std::int64_t out, const ConvTransposeOptions& options)
      : ConvBase(parent, name), options_(options) {
    create(dims, in, out, options, true);
  }
  tasuki::ConvTransposeOptions how() const {
    return {.stride = options_.stride,
            .padding = options_.padding,
            .output_padding = options_.output_padding,
            .dilation = options_.dilation,
            .groups = options_.groups};
  }
  template <class Layer>
  static ModulePtr copy_of(const Layer& layer) {
    ConvTransposeOptions options = layer.options();
    options.dtype = layer.weight.dtype();
    return clone_as(layer, layer.weight.size(0), layer.weight.size(1) * options.groups, options);
  }

 private:
  ConvTransposeOptions options_;
};

}  // namespace detail

/// Cross-correlation of signals x [N, in, W] with weight [out, in / groups, k], plus bias [out]; shapes as ts::conv1d.
class Conv1d : public detail::ConvForward {
 public:
  Conv1d(std::int64_t in, std::int64_t out, const ConvOptions& options = {}) : ConvForward(1, in, out, options) {}
  Conv1d(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, const ConvOptions& options = {})
      : ConvForward(parent, name, 1, in, out, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(conv1d(padded(s.enter(x), at), weight, bias, how(), at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

/// Cross-correlation of images x [N, in, H, W] with weight [out, in / groups, kh, kw], plus bias [out]; shapes as ts::conv2d.
///
///     ts::nn::Conv2d conv{this, "conv", 3, 64, {.kernel = 7, .stride = 2, .padding = 3}};
///     ts::nn::Conv2d mirrored{64, 64, {.padding = 1, .padding_mode = ts::PadMode::reflect}};
class Conv2d : public detail::ConvForward {
 public:
  Conv2d(std::int64_t in, std::int64_t out, const ConvOptions& options = {}) : ConvForward(2, in, out, options) {}
  Conv2d(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, const ConvOptions& options = {})
      : ConvForward(parent, name, 2, in, out, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(conv2d(padded(s.enter(x), at), weight, bias, how(), at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

/// Cross-correlation of volumes x [N, in, D, H, W] with weight [out, in / groups, kd, kh, kw], plus bias [out]; shapes as ts::conv3d.
class Conv3d : public detail::ConvForward {
 public:
  Conv3d(std::int64_t in, std::int64_t out, const ConvOptions& options = {}) : ConvForward(3, in, out, options) {}
  Conv3d(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, const ConvOptions& options = {})
      : ConvForward(parent, name, 3, in, out, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(conv3d(padded(s.enter(x), at), weight, bias, how(), at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

/// Transposed convolution of signals x [N, in, W] with weight [in, out / groups, k], plus bias [out]; shapes as ts::conv_transpose1d.
class ConvTranspose1d : public detail::ConvTransposed {
 public:
  ConvTranspose1d(std::int64_t in, std::int64_t out, const ConvTransposeOptions& options = {}) : ConvTransposed(1, in, out, options) {}
  ConvTranspose1d(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, const ConvTransposeOptions& options = {})
      : ConvTransposed(parent, name, 1, in, out, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(conv_transpose1d(s.enter(x), weight, bias, how(), at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

/// Transposed convolution of images x [N, in, H, W] with weight [in, out / groups, kh, kw], plus bias [out]; shapes as
/// ts::conv_transpose2d.
///
///     ts::nn::ConvTranspose2d twice{this, "twice", 64, 32, {.kernel = 2, .stride = 2}};  // twice the height and width
class ConvTranspose2d : public detail::ConvTransposed {
 public:
  ConvTranspose2d(std::int64_t in, std::int64_t out, const ConvTransposeOptions& options = {}) : ConvTransposed(2, in, out, options) {}
  ConvTranspose2d(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, const ConvTransposeOptions& options = {})
      : ConvTransposed(parent, name, 2, in, out, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(conv_transpose2d(s.enter(x), weight, bias, how(), at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

/// Transposed convolution of volumes x [N, in, D, H, W] with weight [in, out / groups, kd, kh, kw], plus bias [out]; shapes as
/// ts::conv_transpose3d.
class ConvTranspose3d : public detail::ConvTransposed {
 public:
  ConvTranspose3d(std::int64_t in, std::int64_t out, const ConvTransposeOptions& options = {}) : ConvTransposed(3, in, out, options) {}
  ConvTranspose3d(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, const ConvTransposeOptions& options = {})
      : ConvTransposed(parent, name, 3, in, out, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(conv_transpose3d(s.enter(x), weight, bias, how(), at));
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

}  // namespace tasuki::nn
