#pragma once
#include "tasuki/models/resnet.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/interpolate.hpp"

namespace tasuki::models {

struct DeepLabV3PlusOptions {
  std::int64_t classes = 21;
  ResNetDepth backbone = ResNetDepth::layers50;
  std::int64_t in_channels = 3;
  std::int64_t output_stride = 16;  ///< of the backbone, 16 or 8; the dilations of the pyramid are 6, 12, 18, doubled at 8
  std::int64_t width = 64;          ///< of the backbone's first convolution
  std::int64_t channels = 256;      ///< of the pyramid and the decoder
  std::int64_t shallow_channels = 48;
  double dropout = 0.5;             ///< after the pyramid
};

/// DeepLabv3+ (Chen et al., 2018): images [N, 3, H, W] give logits [N, classes, H, W]. A dilated ResNet, a pyramid of dilated
/// convolutions and the image's mean over its result, and a decoder that joins them, enlarged, with the backbone's first stage.
/// 40,352,181 parameters with ResNet-50 and 21 classes. In training, a batch needs two images: the mean of one has no variance.
///
///     ts::models::DeepLabV3Plus net{{.classes = 19}};
class DeepLabV3Plus : public nn::Module {
 public:
  ResNetBackbone backbone;
  nn::ModuleList pyramid{this, "pyramid"};
  nn::Sequential project{this, "project"}, shallow{this, "shallow"}, head{this, "head"};

  explicit DeepLabV3Plus(const DeepLabV3PlusOptions& options = {}) : backbone(this, "backbone", options.backbone, features_of(options)), options_(options) {
    create();
  }
  DeepLabV3Plus(nn::Module* parent, std::string_view name, const DeepLabV3PlusOptions& options = {})
      : Module(parent, name), backbone(this, "backbone", options.backbone, features_of(options)), options_(options) {
    create();
  }

  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    const Tensor& image = s.enter(x);
    const ResNetBackbone::Features f = backbone(image);
    const Tensor context = enlarged(project(pyramid_of(f.deep)), f.shallow);
    return s.leave(enlarged(head(cat({context, shallow(f.shallow)}, 1)), image));
  }
  nn::ModulePtr clone() const override { return clone_as(*this, options_); }

 private:
  static ResNetOptions features_of(const DeepLabV3PlusOptions& o) { return {.in_channels = o.in_channels, .output_stride = o.output_stride, .width = o.width}; }
  static Tensor enlarged(const Tensor& h, const Tensor& like) {
    return interpolate(h, {.size = {like.size(2), like.size(3)}, .mode = Interpolation::bilinear});
  }
  static void add(nn::Sequential& list, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t dilation = 1) {
    list.append(nn::Conv2d{in, out, {.kernel = kernel, .padding = dilation * (kernel / 2), .dilation = dilation, .bias = false}})
        .append(nn::BatchNorm2d{out})
        .append(nn::ReLU{});
  }
  void create() {
    const std::int64_t deep = backbone.deep_channels(), channels = options_.channels;
    const std::int64_t first_dilation = options_.output_stride == 8 ? 12 : 6;
    for (std::int64_t branch = 0; branch < 5; ++branch) {
      nn::Sequential list;
      const bool dilated = branch >= 1 && branch <= 3;  // the last sees the image's mean
      add(list, deep, channels, dilated ? 3 : 1, dilated ? first_dilation * branch : 1);
      pyramid.append(std::move(list));
    }
    add(project, 5 * channels, channels, 1);
    project.append(nn::Dropout{options_.dropout});
    add(shallow, backbone.shallow_channels(), options_.shallow_channels, 1);
    add(head, channels + options_.shallow_channels, channels, 3);
    add(head, channels, channels, 3);
    head.append(nn::Conv2d{channels, options_.classes, {.kernel = 1}});
  }
  Tensor pyramid_of(const Tensor& h) const {
    std::vector<Tensor> parts;
    for (std::size_t i = 0; i < 4; ++i) parts.push_back(pyramid.at<nn::Sequential>(i)(h));
    parts.push_back(enlarged(pyramid.at<nn::Sequential>(4)(adaptive_avg_pool2d(h, 1)), h));
    return cat(parts, 1);
  }
  DeepLabV3PlusOptions options_;
};

}  // namespace tasuki::models
