#pragma once
#include "tasuki/nn/activation.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/conv.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki::models {

/// How many layers; from 50 on, blocks narrow their channels for the 3x3 convolution (bottlenecks).
enum class ResNetDepth : int { layers18 = 18, layers34 = 34, layers50 = 50, layers101 = 101 };

struct ResNetOptions {
  std::int64_t classes = 1000;  ///< of the last layer, which a ResNetBackbone does not have
  std::int64_t in_channels = 3;
  std::int64_t output_stride = 32;  ///< 16 or 8: the last one or two stages dilate their kernels instead of halving the image
  std::int64_t width = 64;          ///< channels of the first convolution, from which all others follow
  bool zero_last_gamma = false;     ///< each block starts as the identity, which helps large batches (Goyal et al., 2017)
};

/// Two 3x3 convolutions, or a 3x3 between two 1x1, around which the input is added to the result.
class ResidualBlock : public nn::Module {
 public:
  nn::Sequential body{this, "body"}, downsample{this, "downsample"};

  struct Plan {
    std::int64_t in, width, out, stride = 1, dilation = 1;
    bool bottleneck = false;
  };
  explicit ResidualBlock(const Plan& p) : plan_(p) {
    const nn::ConvOptions pointwise{.kernel = 1, .bias = false};
    const nn::ConvOptions wide{.kernel = 3, .stride = p.stride, .padding = p.dilation, .dilation = p.dilation, .bias = false};
    if (p.bottleneck) {
      add(p.in, p.width, pointwise).append(nn::ReLU{});
      add(p.width, p.width, wide).append(nn::ReLU{});
      add(p.width, p.out, pointwise);
    } else {
      add(p.in, p.width, wide).append(nn::ReLU{});
      add(p.width, p.out, {.kernel = 3, .padding = p.dilation, .dilation = p.dilation, .bias = false});
    }
    if (p.stride == 1 && p.in == p.out) return;
    downsample.append(nn::Conv2d{p.in, p.out, {.kernel = 1, .stride = p.stride, .bias = false}}).append(nn::BatchNorm2d{p.out});
  }

  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    const Tensor& input = s.enter(x);
    return s.leave(relu(body(input) + (downsample.size() > 0 ? downsample(input) : input)));
  }
  /// The normalization whose scale decides how much the block adds.
  nn::BatchNorm2d& last_norm() const { return static_cast<nn::BatchNorm2d&>(body[body.size() - 1]); }
  nn::ModulePtr clone() const override { return clone_as(*this, plan_); }

 private:
  nn::Sequential& add(std::int64_t in, std::int64_t out, const nn::ConvOptions& options) {
    return body.append(nn::Conv2d{in, out, options}).append(nn::BatchNorm2d{out});
  }
  Plan plan_;
};

/// The convolutions of a ResNet, for itself and for networks that are built on its features.
class ResNetBackbone : public nn::Module {
 public:
  nn::Sequential stem{this, "stem"}, layer1{this, "layer1"}, layer2{this, "layer2"}, layer3{this, "layer3"}, layer4{this, "layer4"};

  explicit ResNetBackbone(ResNetDepth depth, const ResNetOptions& options = {}) : depth_(depth), options_(options) { create(); }
  ResNetBackbone(nn::Module* parent, std::string_view name, ResNetDepth depth, const ResNetOptions& options = {})
      : Module(parent, name), depth_(depth), options_(options) {
    create();
  }

  /// `shallow` at a quarter of the image's size, `deep` at 1 / output_stride.
  struct Features {
    Tensor shallow, deep;
  };
  Features operator()(const Tensor& x) const {
    nn::Scope s{this};
    const Tensor h = max_pool2d(stem(s.enter(x).contiguous(MemoryFormat::channels_last)), 3, {.stride = 2, .padding = 1});
    Features f;
    f.shallow = layer1(h);
    f.deep = s.leave(layer4(layer3(layer2(f.shallow))));
    return f;
  }
  std::int64_t shallow_channels() const { return options_.width * (depth_ < ResNetDepth::layers50 ? 1 : 4); }
  std::int64_t deep_channels() const { return 8 * shallow_channels(); }
  ResNetDepth depth() const { return depth_; }
  const ResNetOptions& options() const { return options_; }
  nn::ModulePtr clone() const override { return clone_as(*this, depth_, options_); }

 private:
  void create() {
    const std::int64_t output_stride = options_.output_stride, first = options_.width;
    TASUKI_CHECK(ValueError, output_stride == 32 || output_stride == 16 || output_stride == 8, "output_stride is ", output_stride);
    stem.append(nn::Conv2d{options_.in_channels, first, {.kernel = 7, .stride = 2, .padding = 3, .bias = false}}).append(nn::BatchNorm2d{first}).append(nn::ReLU{});
    const bool bottleneck = depth_ >= ResNetDepth::layers50;
    const std::int64_t expansion = bottleneck ? 4 : 1;
    const std::int64_t* const blocks = block_counts();
    nn::Sequential* const stages[] = {&layer1, &layer2, &layer3, &layer4};
    std::int64_t channels = first, reached = 4, dilation = 1;
    for (int stage = 0; stage < 4; ++stage) {
      const std::int64_t width = first << stage;
      std::int64_t stride = stage == 0 ? 1 : 2;
      const std::int64_t first_dilation = dilation;
      if (reached * stride > output_stride) {
        dilation *= stride;
        stride = 1;
      }
      reached *= stride;
      for (std::int64_t i = 0; i < blocks[stage]; ++i) {
        stages[stage]->append(ResidualBlock{{.in = channels, .width = width, .out = width * expansion, .stride = i == 0 ? stride : 1,
                                             .dilation = i == 0 ? first_dilation : dilation, .bottleneck = bottleneck}});
        channels = width * expansion;
      }
    }
    initialize();
  }
  const std::int64_t* block_counts() const {
    static constexpr std::int64_t of18[] = {2, 2, 2, 2}, of34_and_50[] = {3, 4, 6, 3}, of101[] = {3, 4, 23, 3};
    switch (depth_) {
      case ResNetDepth::layers18: return of18;
      case ResNetDepth::layers101: return of101;
      default: return of34_and_50;
    }
  }
  void initialize() {
    apply([&](nn::Module& m) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(&m))
        nn::init::kaiming_normal_(conv->weight, {.mode = nn::init::Fan::out, .nonlinearity = nn::init::Nonlinearity::relu});
      if (auto* block = dynamic_cast<ResidualBlock*>(&m); block && options_.zero_last_gamma) nn::init::zeros_(block->last_norm().weight);
    });
  }
  ResNetDepth depth_;
  ResNetOptions options_;
};

/// ResNet (He et al., 2015) with the stride on the 3x3 convolution, as torchvision's: images [N, 3, H, W] give logits [N, classes];
/// 11,689,512, 21,797,672, 25,557,032 and 44,549,160 parameters at 18, 34, 50 and 101 layers. Works channels-last inside.
///
///     ts::models::ResNet net{ts::models::ResNetDepth::layers50, {.classes = 10}};
class ResNet : public nn::Module {
 public:
  ResNetBackbone backbone;
  nn::Linear fc;

  explicit ResNet(ResNetDepth depth, const ResNetOptions& options = {})
      : backbone(this, "backbone", depth, options), fc(this, "fc", backbone.deep_channels(), options.classes) {}
  ResNet(nn::Module* parent, std::string_view name, ResNetDepth depth, const ResNetOptions& options = {})
      : Module(parent, name), backbone(this, "backbone", depth, options), fc(this, "fc", backbone.deep_channels(), options.classes) {}

  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    return s.leave(fc(flatten(adaptive_avg_pool2d(backbone(s.enter(x)).deep, 1), 1)));
  }
  nn::ModulePtr clone() const override { return clone_as(*this, backbone.depth(), backbone.options()); }
};

}  // namespace tasuki::models
