#include "tasuki/nn/loss.hpp"

#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/nn/shape.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;

TEST_CASE("A loss module computes its function with the options it was given, and so does its clone") {
  const ts::Tensor x = ts::tensor({0.0f, 3.0f}), t = ts::tensor({0.5f, 1.0f});
  CHECK(nn::L1Loss{}(x, t).item<float>() == 1.25f);
  CHECK(nn::L1Loss{ts::Reduction::sum}(x, t).item<float>() == 2.5f);
  const nn::SmoothL1Loss loss{{.beta = 0.25, .reduction = ts::Reduction::none}};
  CHECK(loss(x, t).to_vector<float>() == std::vector<float>{0.375f, 1.875f});
  const nn::ModulePtr copy = loss.clone();
  CHECK(static_cast<const nn::SmoothL1Loss&>(*copy)(x, t).to_vector<float>() == loss(x, t).to_vector<float>());
  CHECK(copy->type_name() == "SmoothL1Loss");
  CHECK(nn::CrossEntropyLoss{}(ts::zeros({3, 4}), ts::tensor({0, 1, 2})).item<float>() == Approx(1.386294));
}

TEST_CASE("Dropouts do something in training alone, and keep their probability in a clone") {
  nn::Sequential net{nn::Dropout2d{1.0}, nn::DropPath{0.0}, nn::AlphaDropout{0.0}};
  const ts::Tensor x = ts::ones({2, 3, 2, 2});
  CHECK(net(x).abs().sum().item<float>() == 0);
  net.eval();
  CHECK(net(x).is_same(x));
  CHECK(static_cast<const nn::DropPath&>(*nn::DropPath{0.25}.clone()).p() == 0.25);
}

TEST_CASE("Padding and pixel shuffling as modules") {
  nn::Sequential net{nn::Pad{{1, 0}, {.value = 7}}, nn::PixelShuffle{2}};
  const ts::Tensor y = net(ts::zeros({1, 4, 1, 1}));
  CHECK(y.shape() == ts::Shape{1, 1, 2, 4});
  CHECK(y.to_vector<float>() == std::vector<float>{7, 7, 0, 0, 7, 7, 0, 0});
}
