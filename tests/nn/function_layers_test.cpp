// Layers that are functions: they compute what those do, know their class, and are cloned with their numbers.
#include "tasuki/nn/activation.hpp"
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

TEST_CASE("Columns of images as layers") {
  const Tensor image = wave({1, 2, 4, 6}, 1, 0.3);
  const nn::Unfold unfold{{2, 3}, {.padding = 1}};
  check(unfold, "Unfold", image, ts::unfold(image, {2, 3}, {.padding = 1}));
  check(nn::Fold{{4, 6}, {2, 3}, {.padding = 1}}, "Fold", unfold(image), ts::fold(unfold(image), {4, 6}, {2, 3}, {.padding = 1}));
}
