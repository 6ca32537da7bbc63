// ResNet, 3D U-Net and DeepLabv3+: published numbers of parameters, shapes and layouts, and that they learn.
#include <cmath>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/models/deeplabv3p.hpp"
#include "tasuki/models/resnet.hpp"
#include "tasuki/models/unet3d.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/optim/adam.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using ts::Tensor;
using ts::models::ResNetDepth;
using ts::models::Upsampling;

namespace {

std::int64_t parameters_besides_norms(ts::nn::Module& net) {
  std::int64_t count = net.parameter_count();
  net.apply([&](ts::nn::Module& m) {
    if (dynamic_cast<ts::nn::BatchNorm*>(&m)) count -= m.parameter_count();
  });
  return count;
}

/// The last loss of a few steps that memorize one batch.
template <class Net>
float trained(Net& net, const Tensor& x, const Tensor& t, int steps, float& first) {
  ts::optim::AdamW opt{net.parameters(), {.lr = 3e-3}};
  float loss_value = 0;
  for (int step = 0; step < steps; ++step) {
    opt.zero_grad();
    const Tensor loss = ts::cross_entropy(net(x), t);
    loss.backward();
    opt.step();
    loss_value = loss.template item<float>();
    if (step == 0) first = loss_value;
  }
  return loss_value;
}

}  // namespace

TEST_CASE("ResNets have the published numbers of parameters") {
  CHECK(ts::models::ResNet(ResNetDepth::layers18).parameter_count() == 11'689'512);
  CHECK(ts::models::ResNet(ResNetDepth::layers34).parameter_count() == 21'797'672);
  CHECK(ts::models::ResNet(ResNetDepth::layers50).parameter_count() == 25'557'032);
}

TEST_CASE("a ResNet's features shrink to the output stride, and lie channels-last") {
  const ts::NoGrad off;
  const Tensor x = ts::randn({1, 3, 64, 96});
  for (const std::int64_t output_stride : {32, 16, 8}) {
    ts::models::ResNetBackbone net{ResNetDepth::layers18, {.output_stride = output_stride}};
    net.eval();
    const auto features = net(x);
    CHECK(features.shallow.shape() == ts::Shape{1, 64, 16, 24});
    CHECK(features.deep.shape() == ts::Shape{1, 512, 64 / output_stride, 96 / output_stride});
    CHECK(features.deep.is_contiguous(ts::MemoryFormat::channels_last));
  }
}

TEST_CASE("a residual block without its last scale is the identity before the ReLU") {
  ts::models::ResidualBlock block{{.in = 8, .width = 4, .out = 8, .bottleneck = true}};
  ts::nn::init::zeros_(block.last_norm().weight);
  const ts::NoGrad off;
  const Tensor x = ts::rand({2, 8, 5, 5});
  CHECK(block(x).to_vector<float>() == x.to_vector<float>());
  ts::models::ResNet net{ResNetDepth::layers18, {.classes = 2, .zero_last_gamma = true}};
  CHECK(ts::sum(net.backbone.layer3.named_parameters()[4].tensor).item<float>() == 0);
}

TEST_CASE("a small ResNet memorizes a batch") {
  ts::manual_seed(1);
  ts::models::ResNet net{ResNetDepth::layers18, {.classes = 4}};
  float first = 0;
  const float last = trained(net, ts::randn({4, 3, 32, 32}), ts::arange(0, 4, 1, {.dtype = ts::i64}), 5, first);
  CHECK(last < 0.5f * first);
}

TEST_CASE("3D U-Net has the published number of parameters") {
  ts::models::UNet3d net{{.in_channels = 3, .classes = 3}};
  CHECK(parameters_besides_norms(net) == 19'069'955);
}

TEST_CASE("3D U-Net labels every voxel, and memorizes a volume") {
  ts::manual_seed(2);
  const Tensor x = ts::randn({1, 1, 8, 12, 8}), t = ts::randint(0, 3, {1, 8, 12, 8});
  for (const Upsampling upsampling : {Upsampling::transposed, Upsampling::trilinear}) {
    ts::models::UNet3d net{{.classes = 3, .channels = 4, .levels = 3, .upsampling = upsampling}};
    CHECK(net(x).shape() == ts::Shape{1, 3, 8, 12, 8});
    float first = 0;
    const float last = trained(net, x, t, 20, first);
    CHECK(last < 0.8f * first);
  }
}

TEST_CASE("3D U-Net takes odd sizes with trilinear upsampling only") {
  ts::models::UNet3d any{{.channels = 2, .levels = 3, .upsampling = Upsampling::trilinear}}, even{{.channels = 2, .levels = 3}};
  CHECK(any(ts::randn({2, 1, 7, 9, 5})).shape() == ts::Shape{2, 2, 7, 9, 5});
  CHECK_THROWS_WITH(even(ts::randn({2, 1, 8, 10, 8})),
                    "ShapeError: expected  x.size(d) % unit == 0\n"
                    "  a U-Net of 3 levels takes sizes that are multiples of 4, not [2, 1, 8, 10, 8]; Upsampling::trilinear takes any");
}

TEST_CASE("DeepLabv3+ labels every pixel of an image of any size") {
  ts::models::DeepLabV3Plus net{{.classes = 5, .backbone = ResNetDepth::layers18, .channels = 16, .shallow_channels = 8}};
  const Tensor y = net(ts::randn({2, 3, 33, 49}));
  CHECK(y.shape() == ts::Shape{2, 5, 33, 49});
  ts::sum(y).backward();
  for (const Tensor& p : net.parameters()) CHECK(p.grad().defined());
}

TEST_CASE("DeepLabv3+ on ResNet-50 has 40,352,181 parameters, of them 23,508,032 in the backbone") {
  const ts::models::DeepLabV3Plus net;
  CHECK(net.parameter_count() == 40'352'181);
  CHECK(net.backbone.parameter_count() == 23'508'032);
}

TEST_CASE("the networks clone") {
  const ts::models::UNet3d net{{.channels = 2, .levels = 2}};
  const ts::models::UNet3d copy = ts::nn::clone(net);
  const ts::NoGrad off;
  const Tensor x = ts::randn({1, 1, 4, 4, 4});
  CHECK(copy(x).to_vector<float>() == net(x).to_vector<float>());
  const ts::models::ResNet resnet{ResNetDepth::layers18, {.classes = 3}};
  CHECK(ts::nn::clone(resnet).parameter_count() == resnet.parameter_count());
}
