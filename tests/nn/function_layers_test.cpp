// Layers that are functions: they compute what those do, know their class, and are cloned with their numbers.
#include "tasuki/nn/activation.hpp"
#include "tasuki/nn/conv.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/nn/pool.hpp"
#include "tasuki/nn/shape.hpp"
#include "tests/nn/known_weights.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using namespace tasuki::testing;
using ts::Tensor;

namespace {

template <class Layer>
void check(const Layer& layer, const char* name, const Tensor& x, const Tensor& expected) {
  INFO(name);
  CHECK(layer.type_name() == name);
  CHECK(bytes_of(layer(x)) == bytes_of(expected));
  CHECK(bytes_of(nn::clone(layer)(x)) == bytes_of(expected));
}

}  // namespace

TEST_CASE("Activations as layers") {
  const Tensor x = wave({2, 3, 4}, 4, 0.3);
  check(nn::ReLU6{}, "ReLU6", x, ts::relu6(x));
  check(nn::SELU{}, "SELU", x, ts::selu(x));
  check(nn::Mish{}, "Mish", x, ts::mish(x));
  check(nn::Hardswish{}, "Hardswish", x, ts::hardswish(x));
  check(nn::Hardsigmoid{}, "Hardsigmoid", x, ts::hardsigmoid(x));
  check(nn::LogSigmoid{}, "LogSigmoid", x, ts::logsigmoid(x));
  check(nn::Tanhshrink{}, "Tanhshrink", x, ts::tanhshrink(x));
  check(nn::CELU{0.7}, "CELU", x, ts::celu(x, 0.7));
  check(nn::Softshrink{0.7}, "Softshrink", x, ts::softshrink(x, 0.7));
  check(nn::Hardtanh{-2, 0.7}, "Hardtanh", x, ts::hardtanh(x, -2, 0.7));
  check(nn::ReLU{}, "ReLU", x, ts::relu(x));
  check(nn::LeakyReLU{}, "LeakyReLU", x, ts::leaky_relu(x));
  check(nn::ELU{0.5}, "ELU", x, ts::elu(x, 0.5));
  check(nn::Softplus{2}, "Softplus", x, ts::softplus(x, 2));
  check(nn::Softsign{}, "Softsign", x, ts::softsign(x));
  check(nn::Hardshrink{}, "Hardshrink", x, ts::hardshrink(x));
  check(nn::Threshold{0.3, -7}, "Threshold", x, ts::threshold(x, 0.3, -7));
  check(nn::Softmax{1}, "Softmax", x, ts::softmax(x, 1));
  check(nn::Softmin{1}, "Softmin", x, ts::softmin(x, 1));
  check(nn::GLU{}, "GLU", x, ts::glu(x));
  nn::PReLU slopes{3, 0.5};
  set_known_weights(slopes);
  check(slopes, "PReLU", x, ts::prelu(x, wave({3}, 0.5, 0)));
  CHECK(to_host(nn::PReLU{}(to_tensor({2}, {-1, 1}))).values == std::vector<double>{-0.25, 1});
}

TEST_CASE("Poolings as layers") {
  const Tensor signal = wave({1, 2, 8}, 2, 1.6), image = wave({1, 2, 4, 6}, 1, 0.3), volume = wave({1, 1, 2, 4, 6}, 1, 0.3);
  check(nn::AdaptiveMaxPool1d{3}, "AdaptiveMaxPool1d", signal, ts::adaptive_max_pool1d(signal, 3));
  check(nn::AdaptiveMaxPool2d{{2, 3}}, "AdaptiveMaxPool2d", image, ts::adaptive_max_pool2d(image, {2, 3}));
  check(nn::AdaptiveMaxPool3d{{1, 2, 3}}, "AdaptiveMaxPool3d", volume, ts::adaptive_max_pool3d(volume, {1, 2, 3}));
  check(nn::LPPool1d{2, 3}, "LPPool1d", signal, ts::lp_pool1d(signal, 2, 3));
  check(nn::LPPool2d{2, {2, 3}, {.stride = 1}}, "LPPool2d", image, ts::lp_pool2d(image, 2, {2, 3}, {.stride = 1}));
  check(nn::LPPool3d{2, 2}, "LPPool3d", volume, ts::lp_pool3d(volume, 2, 2));
  const ts::MaxPoolResult pooled = ts::max_pool2d_with_indices(image, 2);
  const nn::MaxUnpool2d unpool{2};
  CHECK(bytes_of(unpool(pooled.values, pooled.indices)) == bytes_of(ts::max_unpool2d(pooled.values, pooled.indices, 2)));
  CHECK(unpool(pooled.values, pooled.indices).shape() == image.shape());
  CHECK(nn::clone(unpool).type_name() == "MaxUnpool2d");
}

TEST_CASE("Paddings as layers, on all sides or on each") {
  const Tensor signal = wave({1, 2, 4}, 1, 0.3), image = wave({1, 2, 3, 4}, 1, 0.3), volume = wave({1, 1, 3, 3, 4}, 1, 0.3);
  check(nn::ConstantPad1d{{2, 0}, 7}, "ConstantPad1d", signal, ts::pad(signal, {2, 0}, {.value = 7}));
  check(nn::ZeroPad2d{1}, "ZeroPad2d", image, ts::pad(image, {1, 1, 1, 1}));
  check(nn::ReflectionPad1d{2}, "ReflectionPad1d", signal, ts::pad(signal, {2, 2}, {.mode = ts::PadMode::reflect}));
  check(nn::ReflectionPad2d{{1, 0, 2, 1}}, "ReflectionPad2d", image, ts::pad(image, {1, 0, 2, 1}, {.mode = ts::PadMode::reflect}));
  check(nn::ReplicationPad3d{1}, "ReplicationPad3d", volume, ts::pad(volume, {1, 1, 1, 1, 1, 1}, {.mode = ts::PadMode::replicate}));
  check(nn::CircularPad2d{1}, "CircularPad2d", image, ts::pad(image, {1, 1, 1, 1}, {.mode = ts::PadMode::circular}));
}

TEST_CASE("Rearrangements as layers") {
  const Tensor image = wave({1, 4, 2, 4}, 1, 0.3);
  check(nn::PixelShuffle{2}, "PixelShuffle", image, ts::pixel_shuffle(image, 2));
  check(nn::PixelUnshuffle{2}, "PixelUnshuffle", image, ts::pixel_unshuffle(image, 2));
  check(nn::ChannelShuffle{2}, "ChannelShuffle", image, ts::channel_shuffle(image, 2));
  check(nn::Flatten{}, "Flatten", image, image.flatten(1));
  check(nn::Unflatten{1, {2, -1}}, "Unflatten", image, image.reshape({1, 2, 2, 2, 4}));
  check(nn::Pad{{1, 1}}, "Pad", image, ts::pad(image, {1, 1}));
  check(nn::LocalResponseNorm{3, {.alpha = 0.5}}, "LocalResponseNorm", image, ts::local_response_norm(image, 3, {.alpha = 0.5}));
}

TEST_CASE("Convolutions that pad with the image itself give PyTorch's results") {
  const Tensor image = wave({1, 2, 3, 4}, 1, 0.3);
  const auto row = [&](ts::PadMode mode) {
    nn::Conv2d conv{2, 2, {.padding = 1, .padding_mode = mode}};
    set_known_weights(conv);
    CHECK(bytes_of(nn::clone(conv)(image)) == bytes_of(conv(image)));
    return conv(image)[0][1][0];
  };
  check_row(row(ts::PadMode::reflect), {3.281645, 3.142025, 2.592023, 2.283305});
  check_row(row(ts::PadMode::replicate), {4.145841, 4.461584, 4.468713, 4.176853});
  check_row(row(ts::PadMode::circular), {0.854931, 1.242127, 1.237289, 0.9049813});
  nn::Conv1d same{2, 2, {.kernel = 4, .padding = ts::same_padding, .padding_mode = ts::PadMode::circular}};  // an odd row goes behind
  set_known_weights(same);
  check_row(same(wave({1, 2, 6}, 1, 0.3))[0][1], {0.120342, -0.3597266, 0.213726, 0.8245647, 0.9755834, 0.6629949});
}

TEST_CASE("Columns of images as layers") {
  const Tensor image = wave({1, 2, 4, 6}, 1, 0.3);
  const nn::Unfold unfold{{2, 3}, {.padding = 1}};
  check(unfold, "Unfold", image, ts::unfold(image, {2, 3}, {.padding = 1}));
  check(nn::Fold{{4, 6}, {2, 3}, {.padding = 1}}, "Fold", unfold(image), ts::fold(unfold(image), {4, 6}, {2, 3}, {.padding = 1}));
}
