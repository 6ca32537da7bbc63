#pragma once
#include "tasuki/nn/activation.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/conv.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/interpolate.hpp"
#include "tasuki/ops/pool.hpp"

namespace tasuki::models {

/// How a decoder doubles the size: learned, or by trilinear interpolation (any sizes, fewer parameters).
enum class Upsampling : std::uint8_t { transposed, trilinear };

struct UNet3dOptions {
  std::int64_t in_channels = 1;
  std::int64_t classes = 2;
  std::int64_t channels = 32;  ///< of the first convolution; the second of each level has twice as many, and each level doubles
  std::int64_t levels = 4;     ///< sizes that it works at, each half of the one above
  Upsampling upsampling = Upsampling::transposed;
};

/// 3D U-Net (Çiçek et al., 2016) for segmentation: volumes [N, in, D, H, W] give logits [N, classes, D, H, W]. Each level of the
/// encoder is two 3x3x3 convolutions with batch normalization and ReLU, and max pooling to the next; the decoder doubles the size,
/// joins what the encoder had there, and convolves twice again. 19,069,955 parameters besides the normalizations' at 3 channels and
/// 3 classes. Sizes must be multiples of 2^(levels - 1) with transposed upsampling. Works channels-last inside.
///
///     ts::models::UNet3d net{{.classes = 3, .channels = 16}};
class UNet3d : public nn::Module {
 public:
  nn::ModuleList encoder{this, "encoder"}, up{this, "up"}, decoder{this, "decoder"};
  nn::Conv3d head;

  explicit UNet3d(const UNet3dOptions& options = {})
      : head(this, "head", 2 * options.channels, options.classes, {.kernel = 1}), options_(options) {
    create();
  }
  UNet3d(nn::Module* parent, std::string_view name, const UNet3dOptions& options = {})
      : Module(parent, name), head(this, "head", 2 * options.channels, options.classes, {.kernel = 1}), options_(options) {
    create();
  }

  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    Tensor h = s.enter(x).contiguous(MemoryFormat::channels_last);
    check_sizes(h);
    std::vector<Tensor> skips;
    for (std::size_t level = 0; level < encoder.size(); ++level) {
      if (level > 0) {
        skips.push_back(h);
        h = max_pool3d(h, 2);
      }
      h = encoder.at<nn::Sequential>(level)(h);
    }
    for (std::size_t i = 0; i < decoder.size(); ++i) {
      const Tensor skip = std::move(skips.back());
      skips.pop_back();
      h = decoder.at<nn::Sequential>(i)(cat({enlarged(h, i, skip), skip}, 1));
    }
    return s.leave(head(h));
  }
  nn::ModulePtr clone() const override { return clone_as(*this, options_); }

 private:
  static nn::Sequential convolutions(std::int64_t in, std::int64_t between, std::int64_t out) {
    nn::Sequential list;
    for (const auto& [from, to] : {std::pair{in, between}, std::pair{between, out}})
      list.append(nn::Conv3d{from, to, {.kernel = 3, .padding = 1}}).append(nn::BatchNorm3d{to}).append(nn::ReLU{});
    return list;
  }
  void create() {
    TASUKI_CHECK(ValueError, options_.levels >= 1 && options_.levels <= 8, "a U-Net of ", options_.levels, " levels");
    std::int64_t width = options_.channels;
    encoder.append(convolutions(options_.in_channels, width, 2 * width));
    for (std::int64_t level = 1; level < options_.levels; ++level) {
      width *= 2;
      encoder.append(convolutions(width, width, 2 * width));
    }
    for (std::int64_t level = 1; level < options_.levels; ++level, width /= 2) {
      if (options_.upsampling == Upsampling::transposed) up.append(nn::ConvTranspose3d{2 * width, 2 * width, {.kernel = 2, .stride = 2, .bias = false}});
      decoder.append(convolutions(3 * width, width, width));
    }
  }
  Tensor enlarged(const Tensor& h, std::size_t i, const Tensor& skip) const {
    if (options_.upsampling == Upsampling::transposed) return up.at<nn::ConvTranspose3d>(i)(h);
    return interpolate(h, {.size = {skip.size(2), skip.size(3), skip.size(4)}, .mode = Interpolation::trilinear});
  }
  void check_sizes(const Tensor& x) const {
    const std::int64_t unit = std::int64_t{1} << (options_.levels - 1);
    for (int d = 2; d < x.ndim() && options_.upsampling == Upsampling::transposed; ++d)
      TASUKI_CHECK(ShapeError, x.size(d) % unit == 0, "a U-Net of ", options_.levels, " levels takes sizes that are multiples of ", unit, ", not ", x.shape(),
                   "; Upsampling::trilinear takes any");
  }
  UNet3dOptions options_;
};

}  // namespace tasuki::models
